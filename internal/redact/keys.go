package redact

import (
	"bytes"
	"strings"
)

// kind is what the name of a key says of its value.
type kind uint8

const (
	public     kind = iota
	doubtful        // secret if it looks random: key, signature, session
	objectLike      // may be the name of a Kubernetes object: secret
	counted         // may be a number of passed tests, or a result: pass
	confident       // secret unless it is a word about one: token, apiKey
	password        // secret even when it is short
	header          // Authorization
	cookie
	basicAuth // auth of a docker config
	paired    // value: the key is that of a name before it
)

// ending is how the names of keys of a kind end, in lower case without separators.
type ending struct {
	text string
	kind kind
	word bool // it begins a word of the name
}

// endings in the order in which they are tried. Sources: the names that gitleaks and trufflehog look for, the
// environment variables and settings of the images of PostgreSQL, MySQL, Redis, RabbitMQ, Grafana, Keycloak,
// Vault and of the SDKs of AWS, Azure and Google Cloud, kubeconfig, npmrc, Rails' and Django's settings, RFC 6265,
// RFC 9110 and the signed URLs of S3 (X-Amz-Signature), GCS (X-Goog-Signature) and Azure (sig).
var endings = func() (byLast [256][]ending) {
	add := func(kind kind, word bool, texts string) {
		for _, text := range strings.Fields(texts) {
			last := text[len(text)-1]
			byLast[last] = append(byLast[last], ending{text, kind, word})
		}
	}
	add(public, false, `publickeytoken publickey primarykey foreignkey partitionkey sortkey cachekey routingkey rowkey objectkey
		uniquekey bucketkey lockkey mapkey indexkey groupkey registrykey unexpectedtoken
		setpasswd etcpasswd getpass`)
	add(password, false, `password passwd passphrase passcode passwort userpass dbpass rootpass adminpass smtppass mailpass mysqlpass
		redispass sshpass proxypass ftppass`)
	add(password, true, `pwd pw mdp psk mnemonic`)
	add(counted, true, `pass`)
	add(objectLike, false, `secret`)
	add(confident, false, `clientsecret appsecret apisecret sharedsecret consumersecret jwtsecret sessionsecret cookiesecret oauthsecret
		webhooksecret hmacsecret tokensecret usersecret signingsecret
		secretkey accesskey apikey privatekey accountkey storagekey sharedkey signingkey signkey encryptionkey masterkey authkey
		sessionkey licensekey clientkey subscriptionkey deploykey hmackey aeskey cipherkey cryptkey servicekey adminkey appkey serverkey
		token dockerconfigjson dockercfg authpassword`)
	add(confident, true, `jwt bearer`)
	add(header, false, `authorization`)
	add(cookie, true, `cookie setcookie cookies`)
	add(basicAuth, true, `auth`)
	add(doubtful, true, `key keys sig hmac sid session sessionid csrf xsrf otp salt seed passwords secrets tokens credential credentials creds`)
	add(doubtful, false, `signature`)
	add(paired, true, `value`)
	for last := range byLast { // the longest first, so that the name that says most decides
		list := byLast[last]
		for i := range list {
			for j := i; j > 0 && len(list[j-1].text) < len(list[j].text); j-- {
				list[j-1], list[j] = list[j], list[j-1]
			}
		}
	}
	return byLast
}()

// tails are words behind what a key is named after that change nothing.
var tails = []string{
	"value", "base64", "b64", "hash", "plain", "plaintext", "text", "data", "string", "str", "old", "new", "current", "previous", "primary",
	"secondary", "prod", "dev", "test", "staging", "live", "base", "default", "enc", "encoded", "env", "header",
}

// lastTwo has the pairs of letters that endings and tails end with, to tell most keys apart from them at once.
var lastTwo = func() (pairs [1 << 10]bool) {
	note := func(text string) { pairs[pairOf(text[len(text)-2], text[len(text)-1])] = true }
	for _, list := range endings {
		for _, e := range list {
			note(e.text)
		}
	}
	for _, tail := range tails {
		note(tail)
	}
	return pairs
}()

// pairOf numbers two letters, or at least two bytes, without regard to case.
func pairOf(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// classify tells what the name of a key says of its value.
func classify(key []byte) kind {
	end := len(key)
	for end > 0 && !is(key[end-1], letterByte) {
		end--
	}
	if end == 0 || end > 1 && is(key[end-2], letterByte) && !lastTwo[pairOf(key[end-2], key[end-1])] {
		return public
	}
	var room [96]byte
	name, begins := room[:0], [2]uint64{}
	last := class(0)
	for i, c := range key[max(0, end-len(room)):end] {
		now := classes[c] & alnumByte
		if now == 0 {
			last = 0
			continue
		}
		next := class(0)
		if at := max(0, end-len(room)) + i + 1; at < end {
			next = classes[key[at]] & alnumByte
		}
		if last == 0 || now == upperByte && (last != upperByte || next == lowerByte) || now&letterByte != 0 && last == digitByte {
			begins[len(name)>>6] |= 1 << (len(name) & 63)
		}
		name, last = append(name, lower(c)), now
	}
	for {
		if of, ok := endsAs(name, begins); ok {
			return of
		}
		shorter, ok := withoutTail(name, begins)
		if !ok {
			return public
		}
		name = shorter
	}
}

func endsAs(name []byte, begins [2]uint64) (kind, bool) {
	if len(name) == 0 {
		return public, false
	}
	for _, e := range endings[name[len(name)-1]] {
		if len(e.text) > len(name) {
			continue
		}
		start := len(name) - len(e.text)
		if string(name[start:]) == e.text && (!e.word || start == 0 || begins[start>>6]>>(start&63)&1 == 1) {
			return e.kind, true
		}
	}
	return public, false
}

func withoutTail(name []byte, begins [2]uint64) ([]byte, bool) {
	for _, tail := range tails {
		start := len(name) - len(tail)
		if start > 0 && name[len(name)-1] == tail[len(tail)-1] && string(name[start:]) == tail && begins[start>>6]>>(start&63)&1 == 1 {
			name = name[:start]
			for len(name) > 0 && is(name[len(name)-1], digitByte) {
				name = name[:len(name)-1]
			}
			return name, true
		}
	}
	return nil, false
}

// key is the name in front of a value.
type key struct {
	start, end int
	kind       kind
	quoted     bool
	// deliberate says that it looks like one of a configuration, not like a word of a sentence.
	deliberate bool
	// leads says that nothing but indentation is before it on its line.
	leads bool
}

// keyBefore finds the key that a separator at belongs to.
func (s *scanner) keyBefore(at int) (key, bool) {
	text, floor := s.text, s.done
	end := skipSpaceBack(text, at, floor)
	if end > floor && text[end-1] == ']' {
		end--
	}
	var k key
	if end > floor && (text[end-1] == '"' || text[end-1] == '\'' || text[end-1] == '`') {
		k.quoted = true
		end--
		for end > floor && text[end-1] == '\\' {
			end--
		}
		end = skipColourBack(text, end, floor)
	}
	start := runBack(text, end, max(floor, end-96), keyByte)
	if start >= 2 && prefixed(text, start-2, "\x1b[") { // a colour is no part of the name
		if digits := run(text, start, digitByte); digits < end && text[digits] == 'm' {
			start = digits + 1
		}
	}
	if start == end {
		return key{}, false
	}
	k.start, k.end = start, end
	k.kind = classify(text[start:end])
	if k.kind == doubtful && end-start == len("key") {
		if before := runBack(text, skipSpaceBack(text, start, floor), floor, letterByte); before < start && compound(text[before:start]) {
			k.kind, k.start = confident, before
		}
	}
	if k.kind == public {
		return key{}, false
	}
	name := text[start:end]
	begin := lineStart(text, k.start, 64)
	lead := bytes.TrimLeft(text[begin:k.start], " \t-\"'{+#")
	k.leads = len(lead) == 0 || string(bytes.TrimSpace(lead)) == "export" || string(bytes.TrimSpace(lead)) == "ENV"
	before := skipSpaceBack(text, k.start, floor)
	k.deliberate = k.quoted || k.leads || before == 0 || bytes.ContainsAny(name, "_-.") || mixedCase(name) ||
		bytes.IndexByte([]byte("{,(;&?[<-|"), text[before-1]) >= 0
	return k, true
}

// compound reports whether a word makes a key a secret one: API key.
func compound(word []byte) bool {
	switch string(bytes.ToLower(bytes.TrimSpace(word))) {
	case "api", "access", "secret", "private", "account", "signing", "encryption", "master", "storage", "license", "auth", "shared":
		return true
	}
	return false
}

// mixedCase reports whether a name is in upper case, or has a capital inside.
func mixedCase(name []byte) bool {
	for _, c := range name[1:] {
		if is(c, upperByte) {
			return true
		}
	}
	return false
}

// screaming reports whether a name is that of an environment variable.
func screaming(name []byte) bool {
	for _, c := range name {
		if is(c, lowerByte) {
			return false
		}
	}
	return len(name) >= 4
}
