package redact

import "bytes"

// Messages speak of secrets without telling them.

// statuses are words that stand where a value could, and tell of its state. Sources: the messages of the catalogue,
// of databases, registries and frameworks: "password: YES", "SESSION_SECRET: Required", "token: <nil>".
var statuses = set(`yes no true false null nil none undefined empty blank missing required invalid expired unset set ok failed
	failure denied refused rejected unknown unauthorized unauthenticated forbidden disabled enabled optional default provided given found incorrect
	wrong bad correct valid mismatch mismatched changed revoked rotated hidden masked redacted filtered removed omitted str
	text byte bytes number integer bool boolean object array list map string any unexpected unsupported malformed corrupted not error errors
	secret password token key passwd pwd authenticated authentication authorization bearer basic digest negotiate ntlm anonymous identifier eof new await`)

// functions are words that make a sentence.
var functions = set(`a an the is are was were be been being has have had no not to of in on at for from with without by and or
	but if as it its this that these those must should shall can cannot could would will may might does do did your you we they please
	when while because than then there here only more least too already before after use using used contains contain match matches
	unable read get fetch find open parse status server message field character characters value`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, word := range bytes.Fields([]byte(words)) {
		all[string(word)] = true
	}
	return all
}

// status reports whether a word tells of a state.
func status(word []byte) bool {
	return isOneOf(statuses, word)
}

func isOneOf(words map[string]bool, word []byte) bool {
	var room [96]byte
	word, ok := lowered(bytes.Trim(word, "\"'`.,;:!?()[]{}<>*"), &room)
	return ok && words[string(word)]
}

// prose is how far is read to tell whether something is a message.
const prose = 256

// message reports whether text is a sentence: several words, one of them such as sentences are made with.
func message(text []byte) bool {
	words, telling := 0, false
	for word := range bytes.FieldsSeq(text[:min(len(text), prose)]) {
		if random(bytes.Trim(word, "\"'.,;:!?()[]")) {
			return false
		}
		words++
		telling = telling || isOneOf(functions, word) || isOneOf(statuses, word)
	}
	return words > 1 && telling
}
