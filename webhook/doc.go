// Package webhook puts learned cures into objects on their way into the cluster. An AdmissionReview goes in, an
// AdmissionResponse comes out; it reads the caches of its informers and changes no object.
//
// It promises never to make an apply worse. A request it can't read gets a 4xx, which the registration's
// failurePolicy Ignore turns into going on without it; a request it can read is always allowed, unless the
// installation wants workloads refused that are known not to start. A patch is applied in process to the very bytes
// received before it is sent; on any doubt there is none, and the doubt is counted.
//
// Everything it writes is a function of the Remediations and the object received, so applying the same manifest
// a hundred times gives the same object.
//
// A workload's review goes this way:
//
//   - handler.go takes it, review.go reads it: its head, and only if that does not decide, all of it.
//   - heal.go decides. index.go finds what was learned, reapply.go tells what an owner applies from what controllers
//     write, kinds.go says where each kind has its pod template, policy.go what annotations, namespace (namespaces.go)
//     and installation allow.
//   - choice.go resolves cures against the object and builds the patch, annotations.go and warning.go say what was done,
//     known.go tells of what is known to fail. answer.go writes the answer.
//
// guard.go answers reviews of Remediations themselves: who may write them. server.go puts all of it together, warms it
// up (warm.go), registers kinds of the configuration (registration.go) and runs it; package certs keeps the serving
// certificate.
package webhook
