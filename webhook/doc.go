// Package webhook puts learned cures into objects on their way into the cluster. An AdmissionReview goes in, an
// AdmissionResponse comes out; it reads the cache of its informer and writes nothing.
//
// It promises never to make an apply worse. A request it can't read gets a 4xx, which the registration's
// failurePolicy Ignore turns into going on without it; a request it can read is always allowed. A patch is
// applied in process to the very bytes received before it is sent; on any doubt there is none, and the doubt is
// counted.
//
// Everything it writes is a function of the Remediations and the object received, so applying the same manifest
// a hundred times gives the same object.
//
//   - handler.go reads and answers reviews.
//   - reapply.go tells what a user or deployer applied from what controllers do.
//   - heal.go decides and builds the patch, with annotations.go and warning.go.
//   - server.go puts it together and runs it; package certs keeps the serving certificate.
package webhook
