package redact_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// piece is how many bytes of a secret may not be seen.
const piece = 12

// leaks gives a piece of a secret that text has.
func leaks(text, secret string) string {
	for i := 0; i+piece <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+piece]) {
			return secret[i : i+piece]
		}
	}
	return ""
}

func TestASecretOfEveryFormIsRedactedAndWhatIsBesideItStays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 158))
	for _, form := range forms() {
		t.Run(form.name, func(t *testing.T) {
			for range 200 {
				secret := form.secret(r)
				text := strings.Replace(form.text, "§", secret, 1)
				redacted := string(redact.Text([]byte(text)))
				require.Empty(t, leaks(redacted, secret), "%s\n%s", text, redacted)
				require.Contains(t, redacted, redact.Marker)
				for _, keep := range form.keeps {
					require.Contains(t, redacted, keep, text)
				}
			}
		})
	}
}

// planted is a secret in a log.
type planted struct {
	log    []byte
	start  int
	secret string
}

func plant(r *rand.Rand, form form) planted {
	var log bytes.Buffer
	lines := func() {
		for range r.IntN(6) {
			log.WriteString(strings.TrimSuffix(kept[r.IntN(len(kept))], "\n") + "\n")
		}
	}
	lines()
	if r.IntN(2) == 0 && !strings.HasPrefix(form.text, " ") && !strings.Contains(form.text, "\n") {
		log.WriteString([]string{"2026-01-02T03:04:05.678Z ", "I0102 03:04:05.678901       1 main.go:12] ", "[web] ", "03:04:05.678 [main] INFO  c.a.Shop : "}[r.IntN(4)])
	}
	secret := form.secret(r)
	before, after, _ := strings.Cut(form.text, "§")
	log.WriteString(before)
	start := log.Len()
	log.WriteString(secret + after + "\n")
	lines()
	return planted{log.Bytes(), start, secret}
}

func TestAPlantedSecretIsNeverSeenWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 160))
	for _, form := range forms() {
		t.Run(form.name, func(t *testing.T) {
			for range 100 {
				p := plant(r, form)
				redacted := redact.Text(p.log)
				require.Empty(t, leaks(string(redacted), p.secret), "%s\n%s", p.log, redacted)
				require.Equal(t, string(redacted), string(redact.Text(redacted)))
			}
		})
	}
}

func TestAPlantedSecretIsNeverSeenBrokenOverTwoLines(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 154))
	for _, form := range forms() {
		t.Run(form.name, func(t *testing.T) {
			if form.whole {
				t.Skip("not recognisable then")
			}
			for range 200 {
				p := plant(r, form)
				at := 1 + r.IntN(len(p.secret)-1)
				broken := p.secret[:at] + []string{"\n", "\r\n", "\n    "}[r.IntN(3)] + p.secret[at:]
				text := string(p.log[:p.start]) + broken + string(p.log[p.start+len(p.secret):])
				redacted := string(redact.Text([]byte(text)))
				require.Empty(t, leaks(redacted, p.secret), "%s\n%s\n%s", p.secret[at:], text, redacted)
			}
		})
	}
}

func TestAPlantedSecretIsNeverSeenAtACutEdge(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 164))
	for _, form := range forms() {
		t.Run(form.name, func(t *testing.T) {
			for range 200 {
				p := plant(r, form)
				at := p.start + r.IntN(len(p.secret)+1)
				if !form.front {
					redacted := string(redact.Cut(p.log[at:], true, false))
					require.Empty(t, leaks(redacted, p.secret), "cut off before\n%s\n%s", p.log[at:], redacted)
				}
				if !form.back {
					redacted := string(redact.Cut(p.log[:at], false, true))
					require.Empty(t, leaks(redacted, p.secret), "cut off behind\n%s\n%s", p.log[:at], redacted)
				}
			}
		})
	}
}
