package gist

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestATextIsTakenApart(t *testing.T) {
	for _, test := range []struct {
		about, text string
		has, lacks  []string
	}{
		{"words stand in small letters, alone, shortened, and in pairs of shortened ones", "Cannot Open", []string{"cannot", "canno*", "open", "canno* open"}, []string{"Cannot", "open*", "cannot open"}},
		{"numbers of two and three digits stand as they are, others by their size", "5 times 503 at 10443", []string{"#", "503", "##", "at ##"}, []string{"5", "10443"}},
		{"marks are words, commas are not there", "failed: a, b!", []string{":", "!", "a b", "b !"}, []string{","}},
		{"pairs end with their lines", "one\ntwo", []string{"one", "two"}, []string{"one two"}},
		{"the last line is told apart", "one\ntwo\nthree", []string{"one", "$three"}, []string{"$two"}},
		{"scripts without spaces are read by the character", "镜像失败", []string{"镜", "镜 像", "失 败"}, []string{"镜像失败"}},
		{"what is no text is read over", "a\xff\x00b", []string{"a", "b", "a b"}, nil},
		{"how many lines there are is told", "a\nb", []string{"<few lines>"}, []string{"<one line>"}},
		{"characters in a row, indentation and all", "a\n  Port 8080\ttaken", []string{"~  port #", "~port ###", "~ #### ta", "~## taken"}, []string{"~Port 808", "~taken"}},
		{"characters in a row of one line, not of two", "ab cd\nef gh", nil, []string{"~ab cd ef"}},
	} {
		t.Run(test.about, func(t *testing.T) {
			found := map[string]bool{}
			Features([]byte(test.text), func(feature []byte) { found[string(feature)] = true })
			for _, feature := range test.has {
				require.True(t, found[feature], "%q lacks %q: %v", test.text, feature, found)
			}
			for _, feature := range test.lacks {
				require.False(t, found[feature], "%q has %q", test.text, feature)
			}
		})
	}
}

func TestOnlyTheEndsOfALongTextAreRead(t *testing.T) {
	long := []byte("first\n" + strings.Repeat("middle\n", 1<<20) + "last")
	read := 0
	found := map[string]bool{}
	Features(long, func(feature []byte) { found[string(feature)] = true; read += len(feature) })
	require.True(t, found["first"] && found["$last"])
	require.Less(t, read, 8*(maxHead+maxTail))
	require.Equal(t, maxHead+maxTail, len(Ends(long)))
}

func TestTheGistOfTexts(t *testing.T) {
	for _, test := range []struct {
		about, text string
		want        v1alpha1.FailureType
		line        string
	}{
		{"a program that gives up", "inventory 2.0\nloading shelves\ncannot continue: no shelves found, exiting\n", v1alpha1.CrashLoopBackOff, "cannot continue: no shelves found, exiting"},
		{"a node that is lost", "watch: kubelet on n7 stopped reporting\nwatch: node n7 is not ready\n", v1alpha1.NodeNotReady, "watch: node n7 is not ready"},
		{"a program at work", "inventory 2.0\nloading shelves\n120 shelves loaded\nlistening on :8080\nGET /shelves 200\n", "", ""},
	} {
		t.Run(test.about, func(t *testing.T) {
			about := BuiltIn().Read([]byte(test.text))
			if test.want == "" {
				require.Less(t, about.Failing, 0.5)
				return
			}
			require.Equal(t, test.want, about.Type)
			require.Equal(t, test.line, BuiltIn().Telling([]byte(test.text), about.Type))
			require.Greater(t, about.Failing, 0.85)
			require.LessOrEqual(t, about.Probability, about.Failing)
		})
	}
}

func TestWeightsThatCannotBeReadAreRefused(t *testing.T) {
	for _, test := range []struct{ table, want string }{
		{"word\t1 2 3\n", `weights of "word": 3 numbers instead of 7`},
		{"word\t1 2 3 4 5 6 x\n", `weights of "word": strconv.ParseInt: parsing "x": invalid syntax`},
		{"word\t1 2 3 4 5 6 99999\n", `weights of "word": strconv.ParseInt: parsing "99999": value out of range`},
	} {
		_, err := parse(test.table)
		require.EqualError(t, err, test.want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("cannot continue\n"))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff, '\n'}, 1<<10))
	f.Fuzz(func(t *testing.T, text []byte) {
		about := BuiltIn().Read(text)
		require.True(t, about.Probability >= 0 && about.Probability <= about.Failing+1e-9 && about.Failing <= 1, about)
		require.Contains(t, Types[1:], about.Type)
		require.LessOrEqual(t, len(BuiltIn().Telling(text, about.Type)), 3*maxLine) // each byte may become a replacement character
	})
}

func BenchmarkRead(b *testing.B) {
	line := "2026-03-01T12:00:00Z INFO request served path=/orders status=200 took=12ms\n"
	for _, size := range []int{256, 4 << 10, 1 << 20} {
		text := []byte(strings.Repeat(line, size/len(line)+1))[:size]
		b.Run(strings.TrimSuffix(bytesOf(size), " "), func(b *testing.B) {
			model := BuiltIn()
			b.ReportAllocs()
			for b.Loop() {
				model.Read(text)
			}
		})
	}
}

func bytesOf(n int) string {
	switch {
	case n >= 1<<20:
		return "1MiB"
	case n >= 4<<10:
		return "4KiB"
	default:
		return "256B"
	}
}
