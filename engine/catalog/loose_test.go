package catalog

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnchorsAreTakenOutOfExpressions(t *testing.T) {
	for _, test := range []struct{ about, expression, want string }{
		{"the beginning and the end", `^Back-off (\S+)$`, `(?:)Back-off (\S+)(?:)`},
		{"those of a text", `\AError\z`, `(?:)Error(?:)`},
		{"not those of a class", `[^"]+ of [$^]`, `[^"]+ of [$^]`},
		{"not in a class that begins with its end", `[]^]x[^]$]`, `[]^]x[^]$]`},
		{"not in a class with a named one", `[[:digit:]$]^`, `[[:digit:]$](?:)`},
		{"not an escaped one", `\^\$\\$`, `\^\$\\(?:)`},
		{"not what is quoted", `\Q^a$\E$`, `\Q^a$\E(?:)`},
		{"nothing where there is none", `\bexit(?:ed)?\b`, `\bexit(?:ed)?\b`},
	} {
		t.Run(test.about, func(t *testing.T) {
			got := withoutAnchors(test.expression)
			require.Equal(t, test.want, got)
			_, err := regexp.Compile(got)
			require.NoError(t, err)
		})
	}
}
