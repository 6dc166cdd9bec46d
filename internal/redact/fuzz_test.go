package redact_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// FuzzText holds what is promised of every text: no panic, a bounded result, lines that stay lines, and that
// redacting twice is redacting once.
func FuzzText(f *testing.F) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, form := range forms() {
		text := strings.Replace(form.text, "§", form.secret(r), 1)
		f.Add([]byte(text), true, true)
		f.Add([]byte(strings.Replace(form.text, "§", "[redacted]", 1)), false, false)
		f.Add([]byte(text[:len(text)*2/3]), false, true)
	}
	for _, line := range kept {
		f.Add([]byte(line), true, true)
	}
	for _, lines := range keys(r) {
		f.Add([]byte(strings.Join(lines, "\n")), true, false)
		f.Add([]byte(strings.Join(lines, `\n`)), true, false)
	}
	for _, text := range []string{
		"", "\n", "\r\n", "\x00", "=", ":", "://", "$", "@tcp(", "%3D", ">", "{SSHA}", "Q~", "\x1b[", "-----END PRIVATE KEY-----",
		"password", "password=", "password: ", "password: \"", "password: [", "password: |", "Authorization:", "Authorization: Bearer ", "Cookie: ",
		"-p", "--password", "kind: Secret", `"kind":"Secret","data":{`, "a\xffpassword=\xfe\x00\x80", "sk-", "ghp_", "eyJ", "token:\n\n", "-----BEGIN PRIVATE KEY-----\\", "mysql -p00000000 ", `"kind":"Secret","data":{\"a\":\"b` + "\nx\\", "password: |\n \v\fx\v",
	} {
		f.Add([]byte(text), true, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, front, back bool) {
		given := bytes.Clone(text)
		redacted := redact.Cut(text, front, back)
		require.Equal(t, given, text, "what was given has changed")
		require.LessOrEqual(t, len(redacted), 4*len(text)+64)
		require.LessOrEqual(t, bytes.Count(redacted, []byte("\n")), bytes.Count(text, []byte("\n")))
		require.Equal(t, string(redacted), string(redact.Cut(redacted, front, back)), "not idempotent: %q", text)
		whole := redact.Text(text)
		require.Equal(t, string(whole), string(redact.Text(whole)), "not idempotent: %q", text)
	})
}

func TestATextWithoutSecretsIsGivenBackItself(t *testing.T) {
	text := []byte("started\nlistening on 10.0.0.7:5432\n")
	require.Same(t, &text[0], &redact.Text(text)[0])
	require.Same(t, &text[0], &redact.Cut(text, true, true)[0])
	require.Empty(t, redact.Text(nil))
}

func TestLinesStayLines(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, form := range forms() {
		p := plant(r, form)
		require.Equal(t, bytes.Count(p.log, []byte("\n")), bytes.Count(redact.Text(p.log), []byte("\n")), form.name)
	}
}

func TestAWholeLogOfSecretsIsBounded(t *testing.T) {
	for _, text := range []string{"pw=ab ", "cookie: a=b;", `token:["ab","cd"] `, "a:b@tcp(", "://a:b@"} {
		log := []byte(strings.Repeat(text, 4000))
		redacted := redact.Text(log)
		require.LessOrEqual(t, len(redacted), 4*len(log)+64, text)
	}
}

// TestRedactingTwiceIsRedactingOnce puts together texts of what is looked at closely, in any order.
func TestRedactingTwiceIsRedactingOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	parts := append(hostile(), " ", "\n", "\"", "'", "`", "\\", "\\n", ",", ";", "&", "[", "]", "{", "}", "(", ")", "<", ">", "=", ":", ": ", "/", "@", "-", "--", ".", "|",
		"[redacted]", "redacted", "null", "is", "not", "hunter2", "x7Kq9Zr2mW4tB8nL", "4f3e2d1c4f3e2d1c4f3e2d1c4f3e2d1c", "db.shop", "12345", "\r\n", "\t", "é", "\xff", "\x00", "\v", "-----END", "kind: Secret", "data:\n  a: b\n")
	for _, form := range forms() {
		before, after, _ := strings.Cut(form.text, "§")
		parts = append(parts, before, after, form.secret(r))
	}
	parts = append(parts, kept...)
	for range 30000 {
		var text []byte
		for range 1 + r.IntN(8) {
			text = append(text, parts[r.IntN(len(parts))]...)
		}
		front, back := r.IntN(2) == 0, r.IntN(2) == 0
		redacted := redact.Cut(text, front, back)
		require.Equal(t, string(redacted), string(redact.Cut(redacted, front, back)), "%q", text)
		require.LessOrEqual(t, len(redacted), 4*len(text)+64, "%q", text)
		require.LessOrEqual(t, bytes.Count(redacted, []byte("\n")), bytes.Count(text, []byte("\n")), "%q", text)
	}
}
