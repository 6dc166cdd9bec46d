package gist

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Types are what a text may be about, in the order of the weights: the empty one, nothing that is wrong, is first.
var Types = [...]v1alpha1.FailureType{
	"", v1alpha1.OOMKilled, v1alpha1.CrashLoopBackOff, v1alpha1.ImagePullBackOff, v1alpha1.Pending, v1alpha1.ProbeFailure,
	v1alpha1.NodeNotReady,
}

// Weights say for a feature how much it speaks for each of Types, in steps of Step of the logarithm of the odds.
type Weights [len(Types)]int16

// Step is what one unit of a weight is worth.
const Step = 1.0 / 64

// Model is what was learned: the weights of the features. It never changes and may be used from many goroutines.
type Model struct {
	index   map[string]int
	weights []Weights
}

// Add gives a feature its weights; those of one that is there already are replaced. It is for building a model, and
// not safe beside anything else.
func (m *Model) Add(feature string, weights Weights) {
	if m.index == nil {
		m.index = map[string]int{}
	}
	at, known := m.index[feature]
	if !known {
		at = len(m.weights)
		m.index[feature] = at
		m.weights = append(m.weights, weights)
	}
	m.weights[at] = weights
}

// Gist is what a text is about.
type Gist struct {
	// Type is the failure type that the text most likely is about, were it about one.
	Type v1alpha1.FailureType
	// Probability that it is about a failure of Type, and Failing that it is about any; from 0 to 1.
	Probability, Failing float64
}

//go:embed weights.tsv
var weights string

// BuiltIn is the model that is compiled in. It is read when first asked for.
var BuiltIn = sync.OnceValue(func() *Model {
	model, err := parse(weights)
	if err != nil {
		panic(err) // compiled in, and read by the tests
	}
	return model
})

// parse reads lines of a feature, a tab, and its weights with spaces between; those that begin with "// "
// are comments.
func parse(table string) (*Model, error) {
	model := &Model{}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "// ") {
			continue
		}
		feature, numbers, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(numbers)
		if len(fields) != len(Types) {
			return nil, fmt.Errorf("weights of %q: %d numbers instead of %d", feature, len(fields), len(Types))
		}
		var own Weights
		for i, field := range fields {
			number, err := strconv.ParseInt(field, 10, 16)
			if err != nil {
				return nil, fmt.Errorf("weights of %q: %w", feature, err)
			}
			own[i] = int16(number)
		}
		model.Add(feature, own)
	}
	return model, nil
}

// Read gives what a text is about. Any bytes will do.
func (m *Model) Read(text []byte) Gist {
	odds, features := m.odds(text, make([]bool, len(m.weights)))
	for i := range odds {
		odds[i] *= Scale(features)
	}
	probabilities := Softmax(odds)
	best := 1
	for i := range probabilities[1:] {
		if probabilities[i+1] > probabilities[best] {
			best = i + 1
		}
	}
	return Gist{Type: Types[best], Probability: probabilities[best], Failing: 1 - probabilities[0]}
}

// Telling gives the line of a text that says most for a failure of a type and against health, without the space
// around it; empty for a type that is not one of Types.
func (m *Model) Telling(text []byte, about v1alpha1.FailureType) string {
	kind := slices.Index(Types[:], about)
	if kind < 0 {
		return ""
	}
	var line []byte
	most := math.Inf(-1)
	seen := make([]bool, len(m.weights))
	for next := range bytes.Lines(Ends(bytes.TrimSpace(text))) {
		odds, _ := m.odds(next, seen)
		if says := odds[kind] - odds[0]; says > most && len(bytes.TrimSpace(next)) > 0 {
			line, most = next, says
		}
	}
	return string(bytes.ToValidUTF8(bytes.TrimSpace(line[:min(len(line), maxLine)]), []byte("\uFFFD")))
}

// odds adds up the weights of a text's features, each once, and counts those that have any. Of seen, which has room for
// all features, nothing is set before and after.
func (m *Model) odds(text []byte, seen []bool) (odds [len(Types)]float64, features int) {
	var found []int
	Features(text, func(feature []byte) {
		if at, known := m.index[string(feature)]; known && !seen[at] {
			seen[at] = true
			found = append(found, at)
		}
	})
	for _, at := range found {
		seen[at] = false
		for i, weight := range m.weights[at] {
			odds[i] += float64(weight)
		}
	}
	for i := range odds {
		odds[i] *= Step
	}
	return odds, len(found)
}

// Scale makes up for how many features a text has: long texts have more to say and less of it matters.
func Scale(features int) float64 { return 1 / math.Sqrt(float64(features+1)) }

// Softmax turns logarithms of odds into probabilities, which add up to 1.
func Softmax(odds [len(Types)]float64) (probabilities [len(Types)]float64) {
	largest := math.Inf(-1)
	for _, value := range odds {
		largest = max(largest, value)
	}
	sum := 0.0
	for i, value := range odds {
		probabilities[i] = math.Exp(value - largest)
		sum += probabilities[i]
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities
}
