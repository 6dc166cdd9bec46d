package main

import (
	"fmt"
	"io"
	"math"

	"github.com/kube-remedy/kube-remedy/engine/gist"
)

// parts is in how many parts the texts are divided: each is judged by what was learned from the others.
const parts = 5

// crossValidate prints how right the judgement is on texts that were left out of the learning, for several
// probabilities from which on a text is said to be about a failure.
func crossValidate(out io.Writer, texts []text) error {
	readings := make([]gist.Gist, len(texts))
	for part := range parts {
		var others []text
		for i, own := range texts {
			if i%parts != part {
				others = append(others, own)
			}
		}
		model := learn(others).model()
		for i := part; i < len(texts); i += parts {
			readings[i] = model.Read(texts[i].body)
		}
	}
	failing, loss := 0, 0.0
	for i, own := range texts {
		probability := readings[i].Failing
		if own.about > 0 {
			failing++
		} else {
			probability = 1 - probability
		}
		loss -= math.Log(max(probability, 1e-4))
	}
	fmt.Fprintf(out, "%d texts, %d of them failing; each judged by what was learned from the others (%d parts)\n", len(texts), failing, parts)
	fmt.Fprintf(out, "log loss of failing or not: %.3f\n\n%-12s %-22s %s\n", loss/float64(len(texts)), "from", "failing, right type", "healthy called failing")
	for _, from := range []float64{0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95} {
		right, wrong := 0, 0
		for i, own := range texts {
			switch {
			case readings[i].Failing < from:
			case own.about == 0:
				wrong++
			case readings[i].Type == gist.Types[own.about]:
				right++
			}
		}
		_, err := fmt.Fprintf(out, "%-12.2f %5d (%5.1f %%)        %5d (%4.1f %%)\n", from, right, 100*float64(right)/float64(failing), wrong, 100*float64(wrong)/float64(len(texts)-failing))
		if err != nil {
			return err
		}
	}
	return nil
}
