package remedy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestNearestTagThatLooksTheSame(t *testing.T) {
	for _, test := range []struct {
		name, missing string
		tags          []string
		want          string
	}{
		{"a letter for a digit", "2026-1l", []string{"2026-10", "2026-11", "2026-12"}, "2026-11"},
		{"a digit for a letter", "re1ease", []string{"release", "staging"}, "release"},
		{"a letter in a version goes before the nearest patch", "1.2.O", []string{"1.2.0", "1.2.1"}, "1.2.0"},
		{"two that look the same", "b1", []string{"bl", "bI"}, ""},
		{"a digit for another digit is another tag", "2026-1l", []string{"2026-10", "2026-12"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, remedy.NearestTag(test.missing, test.tags)) })
	}
}
