// Package eventwatcher watches workloads fail, remembers the cure as a Remediation, and follows what becomes of
// it. It is the only writer of Remediations.
//
// Data flows one way. Informers compact what they see and put the key of a workload on a queue; a worker takes
// the key, gathers evidence from the caches, asks the engine, and then
//
//   - learns: stores the Remediation, or raises its attempt when the failure came back in spite of it;
//   - arms: makes sure that the next kubectl apply of an unchanged file reaches admission;
//   - follows: tells from the live object and its pods whether the cure was applied and whether it holds.
//
// Every decision that writes is taken on objects read from the API server at that moment, and every write is
// refused by the API server if they changed meanwhile; the worker then starts over. All replicas keep their
// caches warm, only the holder of the lease works on the queue.
//
// Nothing is lost and nothing is done twice, wherever the watcher is killed: what it decides can be decided again from
// what is stored until the status of the Remediation is written, which comes last, and what was written before that is
// recognised (see store.go for the spec, tell.go for Events). What a watch did not tell is seen at the object's next
// change, and at the latest when the caches list anew (relist.go). hack/crash shows all of this.
//
// It never changes a workload's spec. The one thing it writes on a workload is the trailing newline of
// kubectl's last-applied annotation (see arm.go).
package eventwatcher
