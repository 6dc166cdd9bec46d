//go:build unix

package webhook

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkParts is what a patched review's way is made of; the report names the largest where a goal is missed.
func BenchmarkParts(b *testing.B) {
	for _, sample := range samples(b) {
		healer := sampled(true).healer()
		reader := newReader().(*reader)
		require.NoError(b, reader.fill(bytes.NewReader(sample.text), int64(len(sample.text))))
		require.NoError(b, reader.readAll())
		given, err := healer.heal(&reader.review)
		require.NoError(b, err)
		require.NotEmpty(b, given.patch)
		for _, part := range []struct {
			name string
			run  func() error
		}{
			{"receive", func() error { return reader.fill(bytes.NewReader(sample.text), int64(len(sample.text))) }},
			{"head", func() error { _, err := reader.readHead(); return err }},
			{"read", reader.readAll},
			{"decode", func() error { _, err := decode(reader.object); return err }},
			{"heal", func() error { _, err := healer.heal(&reader.review); return err }},
			{"try-patch", func() error { _, err := tryPatch(reader.object, given.patch); return err }},
		} {
			b.Run(sample.name+"/"+part.name, func(b *testing.B) {
				require.NoError(b, reader.readAll())
				perOp(b, func() {
					if err := part.run(); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}
