package catalog

import (
	"testing"
)

// BenchmarkBuiltIn measures what a start of the programs pays for the catalogue.
func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		if _, err := loadBuiltIn(); err != nil {
			b.Fatal(err)
		}
	}
}
