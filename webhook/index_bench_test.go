//go:build unix

package webhook

import (
	"fmt"
	"testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// BenchmarkIndex looks Remediations up as the handler does, key and all.
func BenchmarkIndex(b *testing.B) {
	for _, size := range []int{1, 100, 10_000} {
		index := NewIndex()
		for i := range size {
			index.OnAdd(learned(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name = fmt.Sprintf("web-%05d", i) }), true)
		}
		healer := &healer{index: index}
		for _, found := range []bool{true, false} {
			name := fmt.Sprintf("%d/absent", size)
			if found {
				name = fmt.Sprintf("%d/present", size)
			}
			b.Run(name, func(b *testing.B) {
				r := newReader().(*reader)
				asked := lookups(size, found)
				at := 0
				perOp(b, func() {
					r.review = asked[at]
					if at++; at == len(asked) {
						at = 0
					}
					if (len(healer.learned(r)) > 0) != found {
						b.Fatal("the index is wrong")
					}
				})
			})
		}
	}
}

// lookups are 64 requests in turn for what is there, spread over the index, or for what is not.
func lookups(size int, present bool) []review {
	var asked []review
	for i := range 64 {
		name := fmt.Sprintf("api-%05d", i)
		if present {
			name = fmt.Sprintf("web-%05d", i*size/64)
		}
		asked = append(asked, review{group: []byte("apps"), kind: []byte("Deployment"), namespace: []byte("shop"), name: []byte(name)})
	}
	return asked
}
