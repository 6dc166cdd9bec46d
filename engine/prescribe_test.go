package engine_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

var update = flag.Bool("update", false, "write what was got as what is wanted")

// prescribeCase is what stands above the line --- of a case file.
type prescribeCase struct {
	About string `json:"about"`
	// Evidence is text as kubectl prints it. What is asked after a diagnosis stands beside it.
	Evidence string `json:"evidence"`
	evidence.Answers
	Throttled float64 `json:"throttled,omitempty"`
	// Object is the owner's manifest, Attempt and Before what was tried.
	Object  map[string]any    `json:"object,omitempty"`
	Attempt int32             `json:"attempt,omitempty"`
	Before  []v1alpha1.Action `json:"before,omitempty"`
	InForce []v1alpha1.Action `json:"inForce,omitempty"`
	// Prototype is set for the documented example of one of the prototype's strategies.
	Prototype *prototypeCase `json:"prototype,omitempty"`
}

// prototypeCase says what the prototype did with the same example, and why this does otherwise.
type prototypeCase struct {
	Order      int    `json:"order"`
	Strategy   string `json:"strategy"`
	Did        string `json:"did"`
	Difference string `json:"difference"`
}

// prescribeResult is what stands below it.
type prescribeResult struct {
	Cause   string            `json:"cause"`
	Asks    []string          `json:"asks,omitempty"`
	Does    string            `json:"does,omitempty"`
	Safety  string            `json:"safety,omitempty"`
	Mode    v1alpha1.Mode     `json:"mode,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Refused []string          `json:"refused,omitempty"`
	Nothing string            `json:"nothing,omitempty"`
	Actions []v1alpha1.Action `json:"actions,omitempty"`
	// Changes are the fields of the object that the actions change.
	Changes []remedy.Modification `json:"changes,omitempty"`
}

// TestPrescribeGolden diagnoses the evidence of each case file and compares what is prescribed for the first diagnosis
// with what the file says. go test ./engine -run TestPrescribeGolden -update writes it anew.
func TestPrescribeGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/prescribe/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	with := newEngine(t)
	covered := map[string]bool{}
	strategies := map[int]string{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			head, want, _ := bytes.Cut(written, []byte("\n---\n"))
			given := readCase(t, head)
			require.NotEmpty(t, given.About)
			prescribed := prescribe(t, with, given)
			for _, action := range prescribed.Actions {
				covered[remedy.NameOf(action)] = true
			}
			if given.Prototype != nil {
				require.Empty(t, strategies[given.Prototype.Order])
				strategies[given.Prototype.Order] = section(t, given, prescribed)
			}
			got, err := yaml.Marshal(prescribed)
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(file, append(append(bytes.TrimRight(head, "\n"), "\n---\n"...), got...), 0o644))
				return
			}
			require.Equal(t, string(want), string(got))
		})
	}
	for _, name := range remedy.Actions() {
		require.True(t, covered[name], "%s is never prescribed", name)
	}
	page := strategiesHead
	for _, order := range slices.Sorted(maps.Keys(strategies)) {
		page += strategies[order]
	}
	if *update {
		require.NoError(t, os.WriteFile(strategiesPage, []byte(page), 0o644))
		return
	}
	written, err := os.ReadFile(strategiesPage)
	require.NoError(t, err)
	require.Equal(t, page, string(written), "go test ./engine -run TestPrescribeGolden -update writes it anew")
}

const strategiesPage = "../docs/strategies.md"

const strategiesHead = `# The prototype's strategies, and what became of them

kube-remedy follows a prototype that had five strategies. For the example that it documented for each, this page shows
what the prototype did, what is prescribed now, and why where the two differ. It is written by the tests of package
engine from their cases in engine/testdata/prescribe, and checked by them:
` + "`go test ./engine -run TestPrescribeGolden -update`" + ` writes it anew.
`

// section is what the page says of one strategy.
func section(t *testing.T, given prescribeCase, prescribed prescribeResult) string {
	t.Helper()
	require.NotEmpty(t, prescribed.Changes, "an example needs an object that changes")
	var page strings.Builder
	fmt.Fprintf(&page, "\n## %s\n\n%s.\n\n", given.Prototype.Strategy, strings.ToUpper(given.About[:1])+given.About[1:])
	fmt.Fprintf(&page, "The prototype: %s.\n\nNow, for the cause `%s` (%s, class %s):\n\n", given.Prototype.Did, prescribed.Cause, strings.ToLower(string(prescribed.Mode)), prescribed.Safety)
	page.WriteString("| field | before | after |\n|---|---|---|\n")
	for _, change := range prescribed.Changes {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", strings.TrimPrefix(change.Field, "spec.template.spec."), cell(change.OldValue), cell(change.NewValue))
	}
	fmt.Fprintf(&page, "\n%s.\n", given.Prototype.Difference)
	return page.String()
}

func cell(value string) string {
	if value == "" {
		return "–"
	}
	return "`" + strings.ReplaceAll(value, "|", `\|`) + "`"
}

// questions writes what the diagnosis leaves open, a line each.
func questions(diagnosis engine.Diagnosis, observed evidence.Evidence) []string {
	asked := engine.Ask(diagnosis, observed)
	var lines []string
	for _, question := range asked.Images {
		fault := map[remedy.Fault]string{
			remedy.FaultUnknown: "images that ran before", remedy.FaultTag: "tags", remedy.FaultRepository: "repositories", remedy.FaultPlatform: "tags for " + question.Platform,
		}[question.Fault]
		lines = append(lines, fmt.Sprintf("%s in place of %s of container %s", fault, question.Image, question.Container))
	}
	for _, image := range asked.Entrypoints {
		lines = append(lines, "what "+image+" runs by itself")
	}
	for _, question := range asked.References {
		lines = append(lines, fmt.Sprintf("each %s beside %s", question.Kind, question.Name))
	}
	for _, question := range asked.Probes {
		lines = append(lines, fmt.Sprintf("what container %s answers by %s on port %d to %s", question.Container, question.Scheme, question.Port, strings.Join(question.Paths, " ")))
	}
	return lines
}

func readCase(t *testing.T, head []byte) prescribeCase {
	t.Helper()
	var given prescribeCase
	require.NoError(t, yaml.UnmarshalStrict(head, &given))
	return given
}

// diagnose gives the first diagnosis of a case, and the evidence with what was answered.
func diagnose(t *testing.T, with *engine.Engine, given prescribeCase) (engine.Diagnosis, evidence.Evidence) {
	t.Helper()
	var observed evidence.Evidence
	var found []engine.Diagnosis
	for _, collected := range text.Parse([]byte(given.Evidence), noon).Collect() {
		if diagnoses := with.Diagnose(collected); len(diagnoses) > 0 && len(found) == 0 {
			observed, found = collected, diagnoses
		}
	}
	require.NotEmpty(t, found, "nothing is found in the evidence")
	given.AddTo(&observed)
	for i := range observed.Containers {
		observed.Containers[i].Throttled = given.Throttled
	}
	return found[0], observed
}

func prescribe(t *testing.T, with *engine.Engine, given prescribeCase) prescribeResult {
	t.Helper()
	found, observed := diagnose(t, with, given)
	result := prescribeResult{Cause: found.Finding.RootCauseID}
	result.Asks = questions(found, observed)
	prescribed, err := engine.Prescribe(found, observed, engine.Situation{
		Object: given.Object, Template: remedy.TemplateOf(given.Object), Attempt: given.Attempt, Before: given.Before, InForce: given.InForce,
	})
	if err != nil {
		result.Nothing = err.Error()
		return result
	}
	require.Equal(t, found.Finding.Confidence, prescribed.Confidence, "nothing is known of the past")
	result.Does, result.Safety = remedy.Describe(prescribed.Actions), prescribed.Safety.String()
	result.Mode, result.Reason, result.Actions = prescribed.Mode, prescribed.Reason, prescribed.Actions
	for _, refusal := range prescribed.Refused {
		result.Refused = append(result.Refused, refusal.String())
	}
	if given.Object != nil {
		result.Changes = remedy.Resolve(prescribed.Actions, given.Object).Modifications
	}
	return result
}
