package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// sound is a signature and a cause without mistakes.
const sound = `signatures:
- id: some-log
  failureType: CrashLoopBackOff
  places: [log]
  text: ["out of cheese"]
  weight: 0.7
  source: a program
  fires: [error out of cheese]
  misses: [cheese is plenty]
causes:
- id: no-cheese
  failureType: CrashLoopBackOff
  signatures: [some-log]
  when: container.restarts >= 0
  confidence: 0.5
  sentence: there is no cheese in ${container.name}
  fixes: [{text: buy some}, {text: steal some}, {text: do without}]
`

// secondHalf is what comes after a text in the sound rules, with the text.
func secondHalf(from string) string {
	_, after, _ := strings.Cut(sound, from)
	return from + after
}

func TestRulesAreRefusedWithFileAndLine(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(sound, old, with, 1) }
	for _, test := range []struct{ name, rules, err string }{
		{"an unknown field of a signature", replace("  weight: 0.7", "  wieght: 0.7"), `mine.yaml: line 6: unknown field "wieght"`},
		{"an unknown field of a fix", replace("{text: buy some}", "{txt: buy some}"), `mine.yaml: line 17: unknown field "txt"`},
		{"an unknown list", replace("causes:", "effects:"), `mine.yaml:10: unknown field "effects"; expected signatures or causes`},
		{"a list that is none", "signatures: none", "mine.yaml:1: signatures must be a list"},
		{"an id that is used twice", sound + secondHalf("- id: no-cheese"), `mine.yaml:18: id "no-cheese" is used twice`},
		{"an id that is not well-formed", replace("id: some-log", "id: Some Log"), `mine.yaml:2: id "Some Log" must be words of a-z and 0-9 joined by -, at most 63 characters`},
		{"a regular expression that does not compile", replace("  weight", "  regexp: 'chee(se'\n  weight"), "mine.yaml:2: signature some-log: regexp: error parsing regexp: missing closing ): `chee(se`"},
		{"a place that does not exist", replace("[log]", "[diary]"), `mine.yaml:2: signature some-log: place "diary" is unknown`},
		{"a log signature without a text", replace(`  text: ["out of cheese"]`, "  regexp: out of"), "mine.yaml:2: signature some-log: place log needs a text: the literal that is looked for"},
		{"an exit code of a log", replace("  weight", "  exitCode: [1]\n  weight"), "mine.yaml:2: signature some-log: place log has no state and no exitCode"},
		{"a weight that is no probability", replace("0.7", "1.7"), "mine.yaml:2: signature some-log: weight 1.7 must be between 0 and 1"},
		{"a signature without samples", replace("  misses: [cheese is plenty]\n", ""), "mine.yaml:2: signature some-log: fires and misses: at least one of each is needed"},
		{"a failure type that does not exist", replace("CrashLoopBackOff\n  places", "Cheese\n  places"), `mine.yaml:2: signature some-log: failureType "Cheese" must be one of`},
		{"a condition that is not CEL", replace("container.restarts >= 0", "container.restarts >="), "mine.yaml:14: cause no-cheese: when: ERROR: <input>:1:22: Syntax error"},
		{"a condition of a wrong type", replace("container.restarts >= 0", "container.restarts"), `mine.yaml:14: cause no-cheese: when: "container.restarts" gives int, not bool`},
		{"a condition on a field that does not exist", replace("container.restarts >= 0", "container.cheese > 0"), "mine.yaml:14: cause no-cheese: when: ERROR: <input>:1:10: undefined field 'cheese'"},
		{"a condition on a signature that does not exist", replace("container.restarts >= 0", `seen("cheese")`), `there is no signature "cheese"`},
		{"a signature that does not exist", replace("[some-log]", "[other-log]"), `mine.yaml:11: cause no-cheese: signatures: there is no signature "other-log"`},
		{"a sentence that does not end", replace("${container.name}", "${container.name"), "mine.yaml:16: cause no-cheese: sentence: ${ without its }"},
		{"too few fixes", replace(", {text: do without}", ""), "mine.yaml:11: cause no-cheese: fixes: 3 to 8 are needed, not 2"},
		{"an action outside the closed set", replace("{text: buy some}", "{action: disableSecurity, text: buy some}"), `mine.yaml:11: cause no-cheese: action "disableSecurity" must be one of`},
		{"a cause that replaces one that does not exist", replace("  sentence", "  over: [gouda]\n  sentence"), `mine.yaml:11: cause no-cheese: over: there is no cause "gouda"`},
		{"an alias", "signatures: [&a {id: x}, *a]", "aliases are not used in rules"},
		{"what is not YAML", "signatures: [", "mine.yaml: yaml: line 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := catalog.Load([]catalog.File{{Name: "mine.yaml", Data: []byte(test.rules)}})
			require.ErrorContains(t, err, test.err)
		})
	}
}

func TestUsersRules(t *testing.T) {
	base, err := catalog.Load([]catalog.File{{Name: "base.yaml", Data: []byte(sound)}})
	require.NoError(t, err)

	t.Run("add to ours and replace them by id, and a bad one is left out", func(t *testing.T) {
		more := strings.NewReplacer("some-log", "other-log", "weight: 0.7", "weight: 7", "no-cheese\n", "no-cheese\n").Replace(sound)
		changed, mistakes := base.With([]catalog.File{{Name: "user.yaml", Data: []byte(
			strings.Replace(sound, "weight: 0.7", "weight: 0.9", 1))}, {Name: "bad.yaml", Data: []byte(more)}})
		require.Len(t, mistakes, 2)
		require.EqualError(t, mistakes[0], "bad.yaml:2: signature other-log: weight 7 must be between 0 and 1")
		require.EqualError(t, mistakes[1], `bad.yaml:11: id "no-cheese" is used twice`)
		require.Len(t, changed.Signatures(), 1)
		require.InDelta(t, 0.9, changed.Signatures()[0].Weight, 0)
		require.InDelta(t, 0.7, base.Signatures()[0].Weight, 0, "the catalogue itself does not change")
	})
	t.Run("that are no YAML leave ours as they are", func(t *testing.T) {
		same, mistakes := base.With([]catalog.File{{Name: "user.yaml", Data: []byte("\t{")}})
		require.Len(t, mistakes, 1)
		require.Len(t, same.Causes(), 1)
	})
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("signatures: [&a {id: x}, *a]"))
	f.Add([]byte("causes:\n- id: x\n  when: '[[[[[[[['"))
	base, err := catalog.Load([]catalog.File{{Name: "base.yaml", Data: []byte(sound)}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		changed, mistakes := base.With([]catalog.File{{Name: "fuzz.yaml", Data: data}})
		require.NotNil(t, changed)
		require.NotEmpty(t, changed.Causes())
		for _, mistake := range mistakes {
			require.Contains(t, mistake.Error(), "fuzz.yaml")
		}
	})
}
