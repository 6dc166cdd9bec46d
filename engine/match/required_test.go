package match

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAFilterExcludesOnlyWhatCannotMatch(t *testing.T) {
	for _, expression := range []string{`(?i:retry|attempt \d|will try|probe failed|warn)`, `failing open|failed calling`, `^x?y*$`, `(?i)stra\x{17f}e|ok`, `a{0}bcd`, `(abc|de)+f`, `(?i)task`, `(?:retry)?(?:warn|nothing)`} {
		compiled := regexp.MustCompile(expression)
		filter := newFilter(compiled)
		excludes := filter.excludes
		for _, line := range []string{"", "RETRY", "an Attempt 3", "it WILL TRY", "probe failed", "warn", "nothing", "failing open", "STRASSE ok", "\u017ftra\u017fe", "bcd", "def", "abcf", "yyy", "xn\xffwarn", "ta\u017fk", "tas\u212a"} {
			if compiled.MatchString(line) {
				assert.False(t, excludes([]byte(line)), "%s excludes %q", expression, line)
			}
		}
	}
	filter := newFilter(regexp.MustCompile(`(?i:retry|will try)`))
	assert.True(t, filter.excludes([]byte("dial tcp: connection refused")))
	filter = newFilter(regexp.MustCompile(`\w+\.go:\d+: .*connection refused$`))
	assert.True(t, filter.excludes([]byte("panic: dial tcp: connection refused")), "all of its literals must be there")
}

func FuzzFilter(f *testing.F) {
	f.Add(`(?i:retry|attempt \d)`, "Attempt 1")
	f.Add(`a|bc+d?(?-i:E)`, "xbce")
	f.Fuzz(func(t *testing.T, expression, line string) {
		compiled, err := regexp.Compile(expression)
		if err != nil || len(expression) > 200 {
			return
		}
		if filter := newFilter(compiled); filter.excludes([]byte(line)) && compiled.MatchString(line) {
			t.Fatalf("%q matches %q, which was excluded", expression, line)
		}
	})
}
