// Package engine finds out why a workload failed and what would cure it.
//
// It is pure: evidence in, diagnoses and actions out. It has no client, no clock, no network and no files, so
// the same evidence always gives the same answer, in the cluster and at a desk.
//
//   - Diagnose turns evidence into diagnoses, each a failure type with a root cause, a confidence, the evidence
//     it rests on and suggested fixes. Every failure type has a detector, listed in detectors.
//   - Prescribe turns a diagnosis into the typed actions of package remedy. Package outcomes counts how often they held
//     before, which ranks them and moves their confidence.
//   - Package remedy resolves actions against an object to a JSON Patch; package audit records what was done.
package engine
