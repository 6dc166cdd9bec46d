// Package redact takes secrets out of logs and messages before anything else sees them.
//
// It promises that a secret in one of the forms that Forms in the tests list (tokens of well-known services by their
// prefixes, values of keys that are named after passwords, tokens and the like, credentials in headers, URLs and
// command lines, private keys, password hashes, dumps of Kubernetes Secrets) is replaced by [Marker], whole, broken
// over two lines, or cut off at an edge of the text; and that what a diagnosis needs stays as it is: hosts, ports,
// paths, names of users and keys, digests, IDs, and messages that merely speak of passwords. Lines stay lines.
//
// When it can't know, it redacts. It can't know secrets that look like ordinary words: "the password is swordfish",
// a passphrase of words in the middle of a sentence, a password that is "required" or a key's own name. Nor can it
// know a secret that no key, prefix or form tells of, one in another encoding (base64 in base64, compressed, spelled
// backwards), or a piece of one at a cut edge or behind a line break that looks like words: of random pieces of 12
// bytes and more, a few in a million do.
package redact

import (
	"cmp"
	"slices"
)

// Marker is what a secret is replaced by.
const Marker = "[redacted]"

// rounds bounds how often a text is gone over. What is found in one round can, rarely, uncover more: two nearly
// always suffice, and the second finds nothing.
const rounds = 6

// Text returns text without its secrets; text itself if there are none. It does not change text. It takes time in
// proportion to the text's length, and its result has at most 4 times that length and a few bytes.
func Text(text []byte) []byte {
	return Cut(text, false, false)
}

// Cut is Text for a text that was cut off at its front, its back, or both, so that an edge may lie within a secret
// whose key or prefix is lost. There, what does not look like words, names or numbers is redacted.
func Cut(text []byte, front, back bool) []byte {
	for range rounds {
		s := scanner{text: text, front: front, back: back}
		s.manifests()
		s.pem()
		s.edges()
		s.scan()
		redacted, changed := s.apply()
		if !changed {
			return text
		}
		text = redacted
	}
	return text
}

// span is a part of a text that is secret.
type span struct{ start, end int }

// scanner finds the secrets of a text.
type scanner struct {
	text        []byte
	front, back bool
	spans       []span
	done        int // how far scan got: keys begin behind it
	armoured    int // how far pem got within a line
}

// secret notes that text[start:end] is secret.
func (s *scanner) secret(start, end int) {
	if start < end {
		s.spans = append(s.spans, span{start, end})
	}
}

// apply replaces what was found. It reports false when there is nothing but markers.
func (s *scanner) apply() ([]byte, bool) {
	if len(s.spans) == 0 {
		return s.text, false
	}
	slices.SortFunc(s.spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	out := make([]byte, 0, len(s.text)+len(Marker)*min(len(s.spans), 64))
	at, changed := 0, false
	for i := 0; i < len(s.spans); {
		merged := s.spans[i]
		for i++; i < len(s.spans) && s.spans[i].start <= merged.end; i++ {
			merged.end = max(merged.end, s.spans[i].end)
		}
		changed = changed || string(s.text[merged.start:merged.end]) != Marker
		out = append(out, s.text[at:merged.start]...)
		out = append(out, Marker...)
		at = merged.end
	}
	if !changed {
		return s.text, false
	}
	return append(out, s.text[at:]...), true
}
