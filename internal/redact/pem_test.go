package redact_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// pemOf is a key's armour with lines of a width.
func pemOf(r *rand.Rand, label string, size, width int, headers ...string) []string {
	body := base64.StdEncoding.EncodeToString(randomBytes(r, size))
	lines := append([]string{"-----BEGIN " + label + "-----"}, headers...)
	for len(body) > width {
		lines, body = append(lines, body[:width]), body[width:]
	}
	return append(lines, body, "-----END "+label+"-----")
}

func keys(r *rand.Rand) map[string][]string {
	pgp := pemOf(r, "PGP PRIVATE KEY BLOCK", 900, 64, "Version: GnuPG v2", "")
	return map[string][]string{
		"PKCS #8":          pemOf(r, "PRIVATE KEY", 1190, 64),
		"PKCS #1":          pemOf(r, "RSA PRIVATE KEY", 1190, 64),
		"SEC 1":            pemOf(r, "EC PRIVATE KEY", 121, 64),
		"encrypted":        pemOf(r, "RSA PRIVATE KEY", 1190, 64, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF", ""),
		"encrypted PKCS 8": pemOf(r, "ENCRYPTED PRIVATE KEY", 1300, 64),
		"OpenSSH":          pemOf(r, "OPENSSH PRIVATE KEY", 399, 70),
		"PGP":              append(pgp[:len(pgp)-1], "="+base62(4)(r), pgp[len(pgp)-1]),
	}
}

func requireNoPiece(t *testing.T, lines []string, redacted string, note string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(line, "-----") && !strings.Contains(line, ":") {
			require.Empty(t, leaks(redacted, line), "%s\n%s", note, redacted)
		}
	}
}

func TestAPrivateKeyIsRedactedWithWhateverIsLostOfIt(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 20))
	prefixes := map[string]string{
		"":                      "",
		"indented":              "    ",
		"behind a time":         "2026-01-02T03:04:05.678901Z stderr F ",
		"behind a container":    "web-7d9c8b6f5-x2x9z app | ",
		"behind a level":        "03:04:05.678 [main] INFO  c.a.Shop : ",
		"behind a klog's head":  "I0102 03:04:05.678901       1 main.go:12] ",
		"behind a quoted mark":  "> ",
		"with carriage returns": "\r",
	}
	for name, lines := range keys(r) {
		for how, prefix := range prefixes {
			end := "\n"
			if prefix == "\r" {
				prefix, end = "", "\r\n"
			}
			before, after := "INFO loading key for db.shop"+end, "ERROR cannot load key: asn1: structure error"+end
			join := func(lines []string) string {
				text := ""
				for _, line := range lines {
					text += prefix + line + end
				}
				return text
			}
			t.Run(name+" "+how, func(t *testing.T) {
				whole := string(redact.Text([]byte(before + join(lines) + after)))
				requireNoPiece(t, lines, whole, "whole")
				require.Contains(t, whole, "INFO loading key for db.shop")
				require.Contains(t, whole, "ERROR cannot load key: asn1: structure error")
				require.Contains(t, whole, lines[0])
				require.Equal(t, strings.Count(before+join(lines)+after, "\n"), strings.Count(whole, "\n"))

				requireNoPiece(t, lines, string(redact.Text([]byte(join(lines[1:])+after))), "without its beginning")
				requireNoPiece(t, lines, string(redact.Text([]byte(before+join(lines[:len(lines)-1])))), "without its end")
				requireNoPiece(t, lines, string(redact.Text([]byte(before+join(lines[:len(lines)-1])+after))), "without its end and with more")
				text := join(lines)
				for range 40 {
					at := r.IntN(len(text))
					redacted := string(redact.Cut([]byte(text[at:]+after), true, false))
					requireNoPiece(t, lines, redacted, "cut off before\n"+text[at:])
					redacted = string(redact.Cut([]byte(before+text[:at]), false, true))
					requireNoPiece(t, lines, redacted, "cut off behind\n"+text[:at])
				}
				if middle := lines[2 : len(lines)-2]; len(middle) > 1 {
					requireNoPiece(t, middle, string(redact.Text([]byte(before+join(middle)+after))), "the middle")
				}
			})
		}
	}
}

func TestAPrivateKeyInAStringIsRedacted(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 26))
	for name, lines := range keys(r) {
		for _, separator := range []string{`\n`, `\\n`, `\r\n`, ` `} {
			body := strings.Join(lines, separator)
			if separator == " " && len(lines) > 4 && (lines[2] == "" || lines[3] == "") {
				continue // armour headers on the line of the key
			}
			for _, around := range [][2]string{
				{`{"type":"service_account","private_key":"`, separator + `","client_email":"shop@example.com"}`},
				{`key "`, `" of shop is no key`},
				{"KEY_OF_SHOP=", ""},
			} {
				text := around[0] + body + around[1]
				requireNoPiece(t, lines, string(redact.Text([]byte(text))), name+"\n"+text)
				if separator == " " {
					continue
				}
				for range 60 {
					at := len(around[0]) + r.IntN(len(body))
					requireNoPiece(t, lines, string(redact.Cut([]byte(text[at:]), true, false)), name+"\n"+text[at:])
					requireNoPiece(t, lines, string(redact.Cut([]byte(text[:at]), false, true)), name+"\n"+text[:at])
				}
			}
		}
	}
}

func TestAKeyOfTheStandardLibraryIsRedacted(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	require.Equal(t, "-----BEGIN PRIVATE KEY-----\n[redacted]\n-----END PRIVATE KEY-----\n", string(redact.Text(text)))
}

func TestWhatIsPublicStays(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, label := range []string{"CERTIFICATE", "PUBLIC KEY", "CERTIFICATE REQUEST", "RSA PUBLIC KEY"} {
		text := strings.Join(pemOf(r, label, 900, 64), "\n") + "\nx509: certificate signed by unknown authority\n"
		require.Equal(t, text, string(redact.Text([]byte(text))))
	}
	for _, text := range []string{
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0x0mOv8pVFsVbmZ2v0qJ8N4gk3S0c8p0QGv7b1Zq9d shop@web",
		"could not parse private key: x509: failed to parse PRIVATE KEY",
		"tls: failed to find any PEM data in key input; want a block of type PRIVATE KEY or ending in \" PRIVATE KEY\"",
		"error:0909006C:PEM routines:get_name:no start line: Expecting: ANY PRIVATE KEY",
	} {
		require.Equal(t, text, string(redact.Text([]byte(text))))
	}
}
