package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheWeightsWereLearnedFromTheseTexts(t *testing.T) {
	texts, err := readTexts("texts", "../../engine/catalog/cases")
	require.NoError(t, err)
	weights, err := os.ReadFile("../../engine/gist/weights.tsv")
	require.NoError(t, err)
	first, _, _ := bytes.Cut(weights, []byte("\n"))
	require.Contains(t, string(first), fingerprint(texts), "texts or cases have changed: run make gist")
}

func TestTextsThatCannotBeReadAreRefused(t *testing.T) {
	for _, test := range []struct{ about, file, want string }{
		{"no label before the first text", "text\n", `f:1: a file of texts begins with "@@@@ " and a label`},
		{"a label that is none", "@@@@ Healthy\ntext\n", `f:1: label "Healthy": want healthy or one of [OOMKilled CrashLoopBackOff ImagePullBackOff Pending ProbeFailure NodeNotReady]`},
		{"a label without a text", "@@@@ healthy\n\n@@@@ Pending\ntext\n", `f:1: no text below the label`},
	} {
		t.Run(test.about, func(t *testing.T) {
			_, err := parseTexts("f", []byte(test.file))
			require.EqualError(t, err, test.want)
		})
	}
}

func TestFoldersWithoutTextsAreRefused(t *testing.T) {
	_, err := readTexts(t.TempDir(), "../../engine/catalog/cases")
	require.ErrorContains(t, err, "no texts in ")
}

func TestTheSameTextsGiveTheSameWeights(t *testing.T) {
	var texts []text
	for i := range 40 {
		texts = append(texts, text{about: i % 3, body: []byte([]string{"all is well here", "killed for memory", "giving up now"}[i%3])})
	}
	var first, second bytes.Buffer
	write(&first, learn(texts))
	write(&second, learn(texts))
	require.Equal(t, first.String(), second.String())
	require.Contains(t, first.String(), "giving\t")
	about := learn(texts).model().Read([]byte("giving up"))
	require.Equal(t, "CrashLoopBackOff", string(about.Type))
	require.Greater(t, about.Failing, 0.5)
}
