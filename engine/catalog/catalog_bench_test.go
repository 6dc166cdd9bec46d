package catalog_test

import (
	"testing"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// BenchmarkBuiltIn measures what a start of the programs pays for the catalogue.
func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		if _, err := catalog.BuiltIn(); err != nil {
			b.Fatal(err)
		}
	}
}
