// Package installed tests the Helm chart where it is to work: installed by the real Helm into a real cluster with a real
// node, from images that were built here. Its webhook is called through its Service, its watcher runs with the rights
// that the chart gives, and its pods are replaced and killed while workloads are applied: make installed-test.
package installed
