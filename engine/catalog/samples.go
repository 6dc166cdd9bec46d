package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// CheckSamples holds every signature to its samples: each must be recognised in each that fires and in none that
// misses. The error joins everything that is not so.
func (c *Catalog) CheckSamples() error {
	var wrong []error
	for _, signature := range c.Signatures() {
		for _, sample := range signature.Fires {
			if !c.recognises(signature, sample) {
				wrong = append(wrong, fmt.Errorf("%s: signature %s does not fire on %q", signature.Origin, signature.ID, sample.Message))
			}
		}
		for _, sample := range signature.Misses {
			if c.recognises(signature, sample) {
				wrong = append(wrong, fmt.Errorf("%s: signature %s must miss %q", signature.Origin, signature.ID, sample.Message))
			}
		}
	}
	return errors.Join(wrong...)
}

func (c *Catalog) recognises(signature *Signature, sample Fact) bool {
	hits := c.Match([]Fact{sample})
	if sample.Place == Log {
		hits = c.MatchLog(sample, []byte("starting\n"+sample.Message+"\n"))
	}
	return slices.ContainsFunc(hits, func(hit *Hit) bool { return hit.Signature == signature })
}
