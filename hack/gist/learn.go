package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/kube-remedy/kube-remedy/engine/gist"
)

// How the weights are learned: by AdaGrad (Duchi, Hazan, Singer, 2011) on the likelihood, a text at a time. The
// figures were chosen by cross-validation; halving or doubling any of them changes little.
const (
	// rounds is how often every text is seen, rate how far a step goes, decay how much a weight shrinks with each.
	rounds, rate, decay = 20, 0.2, 1e-4
	// orders is in how many orders the texts are gone through anew; the weights are the means of what each gives, which
	// is right more often than any of them.
	orders = 5
	// atLeast is in how many texts a feature must be.
	atLeast = 3
	// kept is how many features are written, those first that say most in most texts.
	kept = 20_000
)

type weights = [len(gist.Types)]float64

// learned are the weights of features, by name in the order of the names.
type learned struct {
	names   []string
	weights []weights
}

// learn gives the weights of the features that say most. The same texts give the same weights.
func learn(texts []text) learned {
	texts = slices.DeleteFunc(slices.Clone(texts), func(own text) bool { return own.about < 0 })
	counts := map[string]int{}
	features := make([][]string, len(texts))
	for i, own := range texts {
		features[i] = featuresOf(own.body)
		for _, feature := range features[i] {
			counts[feature]++
		}
	}
	var names []string
	for name, count := range counts {
		if count >= atLeast {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := fit(names, features, texts, 1)
	telling := map[string]float64{}
	for i, name := range all.names {
		for _, weight := range all.weights[i] {
			telling[name] = max(telling[name], math.Abs(weight)*math.Log1p(float64(counts[name])))
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case telling[a] > telling[b]:
			return -1
		case telling[a] < telling[b]:
			return 1
		default:
			return strings.Compare(a, b)
		}
	})
	names = names[:min(len(names), kept)]
	slices.Sort(names)
	return fit(names, features, texts, orders)
}

// featuresOf gives the features of a text, each once.
func featuresOf(body []byte) []string {
	var features []string
	seen := map[string]bool{}
	gist.Features(body, func(feature []byte) {
		if !seen[string(feature)] {
			seen[string(feature)] = true
			features = append(features, string(feature))
		}
	})
	return features
}

// fit learns the weights of the named features: the means over as many orders of the texts. Products are converted
// before they are added, so that no machine rounds once where another rounds twice.
func fit(names []string, features [][]string, texts []text, orders int) learned {
	index := make(map[string]int, len(names))
	for i, name := range names {
		index[name] = i
	}
	known := make([][]int, len(features))
	for i, own := range features {
		for _, feature := range own {
			if at, ok := index[feature]; ok {
				known[i] = append(known[i], at)
			}
		}
	}
	each := make([][]weights, orders)
	var running sync.WaitGroup
	for i := range each {
		running.Go(func() {
			order := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // it must be the same each time
			each[i] = descend(len(names), known, texts, order)
		})
	}
	running.Wait()
	result := learned{names: names, weights: make([]weights, len(names))}
	for _, own := range each {
		for i := range own {
			for class, weight := range own[i] {
				result.weights[i][class] += weight / float64(orders)
			}
		}
	}
	return result
}

// descend learns the weights of so many features from texts of which is known which of them they have.
func descend(count int, known [][]int, texts []text, order *rand.Rand) []weights {
	learned, squares := make([]weights, count), make([]weights, count)
	for range rounds {
		for _, at := range order.Perm(len(texts)) {
			scale := gist.Scale(len(known[at]))
			var odds weights
			for _, feature := range known[at] {
				for class, weight := range learned[feature] {
					odds[class] += float64(weight * scale)
				}
			}
			for class, probability := range gist.Softmax(odds) {
				wrong := probability
				if class == texts[at].about {
					wrong--
				}
				step := float64(wrong * scale)
				for _, feature := range known[at] {
					gradient := step + float64(decay*learned[feature][class])
					squares[feature][class] += float64(gradient * gradient)
					learned[feature][class] -= float64(rate * gradient / math.Sqrt(squares[feature][class]+1e-8))
				}
			}
		}
	}
	return learned
}

// write writes weights as engine/gist reads them.
func write(out io.Writer, l learned) {
	for i, name := range l.names {
		fmt.Fprint(out, name, "\t")
		for class, weight := range units(l.weights[i]) {
			if class > 0 {
				fmt.Fprint(out, " ")
			}
			fmt.Fprint(out, weight)
		}
		fmt.Fprintln(out)
	}
}

// model gives the weights as engine/gist reads them.
func (l learned) model() *gist.Model {
	model := &gist.Model{}
	for i, name := range l.names {
		model.Add(name, units(l.weights[i]))
	}
	return model
}

func units(own weights) (whole gist.Weights) {
	for class, weight := range own {
		whole[class] = int16(math.Round(max(-math.MaxInt16, min(weight/gist.Step, math.MaxInt16))))
	}
	return whole
}
