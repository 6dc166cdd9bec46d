package redact_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// ordinaryLog is what containers write: the logs of the catalogue's cases, over and over.
func ordinaryLog(t testing.TB, size int) []byte {
	files, err := filepath.Glob("../../engine/catalog/cases/*/*.txt")
	require.NoError(t, err)
	var log []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		log = append(log, text...)
	}
	for len(log) < size {
		log = append(log, log...)
	}
	return log[:size]
}

// secretiveLog has a secret in one of so many lines.
func secretiveLog(t testing.TB, size, every int) []byte {
	r := rand.New(rand.NewPCG(19, 20))
	all := forms()
	var log bytes.Buffer
	i := 0
	for line := range bytes.Lines(ordinaryLog(t, size)) {
		if i++; i%every == 0 {
			form := all[r.IntN(len(all))]
			log.WriteString(strings.Replace(form.text, "§", form.secret(r), 1) + "\n")
		}
		log.Write(line)
	}
	return log.Bytes()
}

// BenchmarkText compares Text with a copy of the text, and with what regexp does with an expression per form. Logs
// are redacted in pieces of 64 KiB, as the watcher reads them.
func BenchmarkText(b *testing.B) {
	const size = 1 << 20
	for _, log := range []struct {
		name string
		text []byte
	}{
		{"ordinary", ordinaryLog(b, size)},
		{"a secret every 100 lines", secretiveLog(b, size, 100)},
		{"a secret every 5 lines", secretiveLog(b, size, 5)},
	} {
		b.Run(log.name, func(b *testing.B) {
			b.Run("Clone", func(b *testing.B) { measure(b, log.text, bytes.Clone) })
			b.Run("expression per form", func(b *testing.B) {
				expressions := naive()
				measure(b, log.text[:256<<10], func(text []byte) []byte {
					for _, expression := range expressions {
						text = expression.ReplaceAll(text, []byte("${1}"+redact.Marker))
					}
					return text
				})
			})
			b.Run("Text", func(b *testing.B) { measure(b, log.text, redact.Text) })
		})
	}
}

// hostile are texts that were made to be slow: what is looked at closely, and is nothing, over and over.
func hostile() []string {
	return []string{
		"token: token ", "token=/a/", "password=\"", "password='", `password=\"`, "://", "://a:b", "sk-", "eyJ", "ghp_", "$6$", "$argon2id$", "authorization: ", "authorization:\"",
		"cookie:path=", "Cookie: a", "a@tcp(", "{SSHA}", "1Q~", "<password>", "PRIVATE KEY", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", `-----BEGIN PRIVATE KEY-----\n`,
		"PRIVATE KEY-----\n", "kind: Secret\n", "- kind: Secret\n", `"kind":"Secret","data":{`, `"data":{"a":"b"`, "password:\n", "password: |\n", "pass", "-p", "--password ", "mysql -p",
		"key ", "secret is ", "\x1b[31m", "\\", "\"", "[redacted]", "name value=", "bearer ", "basic ", "a", "A1", " ", "\n", "=", ":", "%3D", "token%3D", "password: the ", "token:[", `token:["a",`,
		"password=a,", "password=a;", "password=(", "SG.", "-----", "MIIEowIBAAKCAQEAx0y1z2\n", "user:", "invalid port \":", "curl -u a:", "x", "password=a\n ", "token: 1",
		"github_pat_a\n", "AKIA0\n", "npm_", "sk-a1B2c3D4\n", "pw=ab ",
	}
}

func TestNoTextIsSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const size = 64 << 10
	for _, word := range hostile() {
		text := []byte(strings.Repeat(word, size/len(word)))
		fastest := time.Hour
		for try := 0; try < 5 && fastest > time.Second; try++ { // the machine may be busy
			start := time.Now()
			redact.Cut(text, true, true)
			fastest = min(fastest, time.Since(start))
		}
		require.Less(t, fastest, time.Second, word)
	}
}

func BenchmarkHostile(b *testing.B) {
	for _, word := range hostile() {
		text := []byte(strings.Repeat(word, (64<<10)/len(word)))
		b.Run(fmt.Sprintf("%.20q", word), func(b *testing.B) { measure(b, text, redact.Text) })
	}
}

// BenchmarkAMessage is a short text, such as an event's.
func BenchmarkAMessage(b *testing.B) {
	measure(b, []byte(`MountVolume.SetUp failed for volume "kube-api-access-9ttn2" : failed to fetch token: pod "web-7d9c8b6f5-x2x9z" not found`), redact.Text)
}

// measure runs work on text, in pieces of at most 64 KiB, and also reports the speed that the fastest runs of every
// piece make, which other work on the machine disturbs least.
func measure(b *testing.B, text []byte, work func([]byte) []byte) {
	const size = 64 << 10
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	fastest := make([]time.Duration, (len(text)+size-1)/size)
	for b.Loop() {
		for i := range fastest {
			piece := text[i*size : min(len(text), (i+1)*size)]
			start := time.Now()
			work(piece)
			if took := time.Since(start); fastest[i] == 0 || took < fastest[i] {
				fastest[i] = took
			}
		}
	}
	sum := time.Duration(0)
	for _, took := range fastest {
		sum += took
	}
	b.ReportMetric(1000*float64(len(text))/float64(max(sum.Nanoseconds(), 1)), "best-MB/s")
}

// naive is an expression per form: what one would write first.
func naive() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, expression := range []string{
		`(?i)(authorization: *(?:bearer|basic|token) +)\S+`, `(?i)(cookie: *)[^\r\n]+`, `(\w+://[^:/\s]*:)[^@/\s]+`, `(?i)((?:password|passwd|pwd|secret|token|api_?key)["']?\s*[:=]\s*["']?)[^\s"'&;,]+`,
		`(?i)(--(?:password|token|secret)[= ])\S+`, `()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`, `(?i)(aws_secret_access_key\s*=\s*)\S+`, `()AIza[\w-]{35}`, `()ya29\.[\w-]+`, `()GOCSPX-[\w-]{28}`,
		`(AccountKey=)[^;]+`, `([?&]sig=)[^&\s]+`, `()\w{3}\dQ~[\w.~-]{31,34}`, `()gh[pousr]_\w{36}`, `()github_pat_\w{82}`, `()glpat-[\w-]{20}`, `()xox[abprs]-[\w-]+`, `(hooks\.slack\.com/services/)[\w/]+`,
		`()[sr]k_(?:live|test)_\w+`, `()npm_\w{36}`, `()pypi-[\w-]+`, `()do[opr]_v1_[0-9a-f]{64}`, `()\bSK[0-9a-f]{32}\b`, `()SG\.[\w-]{22}\.[\w-]{43}`, `()\bsk-[\w-]{20,}`, `()hv[sbr]\.[\w-]+`,
		`()eyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?`, `(?s)(-----BEGIN [A-Z ]*PRIVATE KEY[^-]*-----).*?-----END`, `()\$2[aby]\$\d\d\$[./\w]{53}`, `()\$[156]\$[^$\s]+\$[./\w]+`, `()\$apr1\$\S+`, `()\$argon2\w+\$\S+`,
		`()pbkdf2_sha256\$\S+`, `(\{SSHA\})\S+`, `("auth"\s*:\s*")[^"]+`, `(?i)(<password>)[^<]+`, `(\w+:)[^@\s]+@tcp\(`, `()dckr_pat_[\w-]+`, `()glsa_\w+`, `()hf_\w{34}`,
	} {
		all = append(all, regexp.MustCompile(expression))
	}
	return all
}
