package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// evaluate gives the finding of the only cause in the rules, for a log and a container.
func evaluate(t *testing.T, rules, log string, container evidence.Container) (catalog.Finding, bool) {
	t.Helper()
	known, err := catalog.Load([]catalog.File{{Name: "rules.yaml", Data: []byte(rules)}})
	require.NoError(t, err)
	hits := known.MatchLog(catalog.Fact{Pod: "web-1", Container: container.Name}, []byte(log))
	scope := catalog.NewScope(&evidence.Evidence{}, &evidence.Pod{}, &container, hits, time.Time{})
	return known.Causes()[0].Evaluate(scope)
}

func withCause(cause string) string {
	signatures, _, _ := strings.Cut(sound, "causes:")
	return signatures + `- id: port-log
  role: context
  places: [log]
  text: ["port "]
  regexp: 'port (?P<port>\d+)'
  source: a program
  fires: [port 80]
  misses: [port of call]
causes:
- id: no-cheese
  failureType: CrashLoopBackOff
  signatures: [some-log]
  fixes: [{text: buy some}, {text: steal some}, {text: do without}]
` + cause
}

func TestConfidenceAddsUpIndependentEvidence(t *testing.T) {
	app := evidence.Container{Name: "app", RestartCount: 4}
	for _, test := range []struct {
		name, cause string
		confidence  float64
	}{
		{"a signature alone has its weight", "", 0.7},
		{"a weight of the cause's own replaces it", "  weights: {some-log: 0.5}\n", 0.5},
		{"the condition adds to it as a noisy-OR", "  when: container.restarts == 4\n  confidence: 0.5\n", 0.85},
		{"so do supports that hold", "  supports: [{when: container.restarts > 3, weight: 0.5}, {when: container.restarts > 9, weight: 0.9}]\n", 0.85},
		{"a contradiction takes away its share", "  contradictions: [{when: container.restarts > 3, weight: 0.5}]\n", 0.35},
		{"nothing is certain", "  when: 'true'\n  confidence: 0.9999\n", 0.99},
		{"times counts lines", "  supports: [{when: times(\"some-log\") == 2, weight: 0.5}]\n", 0.85},
	} {
		t.Run(test.name, func(t *testing.T) {
			finding, holds := evaluate(t, withCause("  sentence: none\n"+test.cause), "out of cheese\nout of cheese\n", app)
			require.True(t, holds)
			require.InDelta(t, test.confidence, finding.Confidence, 1e-9)
		})
	}
	_, holds := evaluate(t, withCause("  sentence: none\n  when: container.restarts == 5\n"), "out of cheese", app)
	require.False(t, holds, "a condition that is false")
	_, holds = evaluate(t, withCause("  sentence: none\n  when: container.command[7] == ''\n"), "out of cheese", app)
	require.False(t, holds, "a condition that can't be evaluated does not hold")
	_, holds = evaluate(t, withCause("  sentence: none\n  when: '[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, container.restarts > a + b + c + d + e - 100)))))'\n"), "out of cheese", app)
	require.False(t, holds, "a condition that costs too much does not hold")
}

func TestSentencesStateTheValuesFound(t *testing.T) {
	app := evidence.Container{
		Name: "app", Spec: corev1.Container{Args: []string{"-Xmx512m"}},
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse("512Mi"), corev1.ResourceCPU: resource.MustParse("1500m"),
		}},
	}
	for _, test := range []struct{ name, sentence, want string }{
		{"bytes", "heap ${bytes(container.heap)} of ${bytes(container.memoryLimit)} by ${container.heapSetting}", "heap 512Mi of 512Mi by -Xmx512m"},
		{"cores and seconds", "${millis(container.cpuLimit)} in ${seconds(90)}, ${seconds(7200)}, ${seconds(0)}", "1500m in 1m30s, 2h, 0s"},
		{"what a signature captured", `port ${captured("port-log", "port")}`, "port 8080"},
		{"braces and quotes inside an expression", `${{"a": "}"}["a"]}!`, "}!"},
		{"a value that is not there", "of ${container.command[3]}", "of ?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			finding, holds := evaluate(t, withCause("  sentence: '"+strings.ReplaceAll(test.sentence, "'", "''")+"'\n"), "port 8080\nout of cheese", app)
			require.True(t, holds)
			require.Equal(t, test.want, finding.Sentence())
		})
	}
}

func TestTextByStrangersStaysOneShortLine(t *testing.T) {
	hostile := evidence.Container{Name: "app", Spec: corev1.Container{Image: "a\x1b[31m\n\u202e" + strings.Repeat("é", 1000)}}
	finding, holds := evaluate(t, withCause("  sentence: the image ${container.image} fails\n"), "out of cheese", hostile)
	require.True(t, holds)
	require.LessOrEqual(t, len(finding.Sentence()), 300)
	require.NotContains(t, finding.Sentence(), "\n")
	require.NotContains(t, finding.Sentence(), "\x1b")
	require.NotContains(t, finding.Sentence(), "\u202e")
	require.True(t, strings.HasSuffix(finding.Sentence(), "… fails"))
}
