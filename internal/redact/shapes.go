package redact

import "bytes"

// shape is a kind of token that its prefix tells of.
type shape struct {
	prefix string
	body   class // of what stands behind the prefix
	least  int   // bytes of the body that make it one
	full   int   // bytes that it has when it is whole, if that is known
	exact  bool  // with more bytes it is something else
	keep   bool  // the prefix is no secret
	odd    bool  // the prefix is a common one: the body must look random
}

// shapes by their first byte. Each has its source.
var shapes = func() (byFirst [256][]shape) {
	for _, of := range []shape{
		// AWS: IAM User Guide, "IAM identifiers", unique ID prefixes: access keys of users, of sessions, bearer tokens.
		{prefix: "AKIA", body: alnumByte, least: 16, full: 16, exact: true},
		{prefix: "ASIA", body: alnumByte, least: 16, full: 16, exact: true},
		{prefix: "ABIA", body: alnumByte, least: 16, full: 16, exact: true},
		{prefix: "ACCA", body: alnumByte, least: 16, full: 16, exact: true},
		// AWS session tokens of STS as base64: they begin with the version and "origin" or the account's partition.
		{prefix: "IQoJb3JpZ2lu", body: baseByte, least: 8},
		{prefix: "FwoGZXIvYXdz", body: baseByte, least: 8},
		{prefix: "FQoGZXIvYXdz", body: baseByte, least: 8},
		// Google: Cloud documentation, "API keys"; OAuth access tokens and client secrets: gitleaks and trufflehog.
		{prefix: "AIza", body: urlByte, least: 30, full: 35},
		{prefix: "ya29.", body: tokenByte, least: 12},
		{prefix: "GOCSPX-", body: urlByte, least: 12, full: 28},
		// GitHub: docs, "Token types": personal, OAuth, user, server, refresh; fine-grained.
		{prefix: "ghp_", body: alnumByte, least: 8, full: 36},
		{prefix: "gho_", body: alnumByte, least: 8, full: 36},
		{prefix: "ghu_", body: alnumByte, least: 8, full: 36},
		{prefix: "ghs_", body: tokenByte, least: 8},
		{prefix: "ghr_", body: alnumByte, least: 8, full: 76},
		{prefix: "github_pat_", body: wordByte, least: 8, full: 82},
		// GitLab: docs, "Token overview", token prefixes.
		{prefix: "glpat-", body: tokenByte, least: 8},
		{prefix: "gldt-", body: tokenByte, least: 8},
		{prefix: "glrt-", body: tokenByte, least: 8},
		{prefix: "glptt-", body: tokenByte, least: 8},
		{prefix: "glcbt-", body: tokenByte, least: 8},
		{prefix: "glsoat-", body: tokenByte, least: 8},
		{prefix: "glft-", body: tokenByte, least: 8},
		{prefix: "glagent-", body: tokenByte, least: 8, odd: true},
		{prefix: "gloas-", body: tokenByte, least: 8},
		{prefix: "GR1348941", body: urlByte, least: 8},
		// Slack: docs, "Token types", and incoming webhooks, whose URL is the secret. Discord's are alike.
		{prefix: "xoxb-", body: urlByte, least: 8},
		{prefix: "xoxp-", body: urlByte, least: 8},
		{prefix: "xoxa-", body: urlByte, least: 8},
		{prefix: "xoxr-", body: urlByte, least: 8},
		{prefix: "xoxs-", body: urlByte, least: 8},
		{prefix: "xoxe-", body: urlByte, least: 8},
		{prefix: "xoxe.", body: tokenByte, least: 8},
		{prefix: "xoxd-", body: tokenByte, least: 8},
		{prefix: "xoxc-", body: urlByte, least: 8},
		{prefix: "xapp-", body: urlByte, least: 8},
		{prefix: "hooks.slack.com/services/", body: baseByte, least: 1, keep: true},
		{prefix: "hooks.slack.com/workflows/", body: baseByte, least: 1, keep: true},
		{prefix: "discord.com/api/webhooks/", body: baseByte, least: 1, keep: true},
		{prefix: "discordapp.com/api/webhooks/", body: baseByte, least: 1, keep: true},
		// Stripe: docs, "API keys"; restricted keys, webhooks' signing secrets. Publishable keys (pk_) are public.
		{prefix: "sk_live_", body: alnumByte, least: 8},
		{prefix: "sk_test_", body: alnumByte, least: 8},
		{prefix: "rk_live_", body: alnumByte, least: 8},
		{prefix: "rk_test_", body: alnumByte, least: 8},
		{prefix: "whsec_", body: baseByte, least: 8},
		// npm, PyPI, RubyGems, Docker Hub: the registries' announcements of their token formats.
		{prefix: "npm_", body: alnumByte, least: 36, full: 36, odd: true},
		{prefix: "pypi-", body: urlByte, least: 16, odd: true},
		{prefix: "rubygems_", body: hexByte, least: 8, full: 48},
		{prefix: "dckr_pat_", body: urlByte, least: 8},
		{prefix: "dckr_oat_", body: urlByte, least: 8},
		// DigitalOcean: API reference, "Authentication".
		{prefix: "dop_v1_", body: hexByte, least: 8, full: 64},
		{prefix: "doo_v1_", body: hexByte, least: 8, full: 64},
		{prefix: "dor_v1_", body: hexByte, least: 8, full: 64},
		// Twilio API keys (the account's SID, AC…, is public), SendGrid, Mailgun, Mailchimp's Mandrill: their docs.
		{prefix: "SK", body: hexByte, least: 32, full: 32, exact: true},
		{prefix: "SG.", body: tokenByte, least: 32, full: 66, odd: true},
		{prefix: "key-", body: hexByte, least: 32, full: 32, exact: true},
		// OpenAI, Anthropic, OpenRouter and others that are like them; Hugging Face, Groq, Replicate, xAI.
		{prefix: "sk-", body: urlByte, least: 16, odd: true},
		{prefix: "sk_", body: wordByte, least: 32, odd: true},
		{prefix: "hf_", body: alnumByte, least: 34, full: 34, odd: true},
		{prefix: "gsk_", body: alnumByte, least: 32, full: 52, odd: true},
		{prefix: "r8_", body: alnumByte, least: 37, full: 37, odd: true},
		{prefix: "xai-", body: alnumByte, least: 32, odd: true},
		// HashiCorp: Vault docs, "Tokens": service, batch, recovery; Terraform Cloud's tokens have the infix .atlasv1. .
		{prefix: "hvs.", body: urlByte, least: 8},
		{prefix: "hvb.", body: urlByte, least: 8},
		{prefix: "hvr.", body: urlByte, least: 8},
		// JWTs (RFC 7519) and other JSON objects in base64: {" is eyJ. Kubernetes' service account tokens, kubeconfigs
		// and docker configs are such.
		{prefix: "eyJ", body: tokenByte, least: 8},
		// Shopify, Databricks, New Relic, Grafana, Atlassian, Postman, Linear, Doppler, 1Password, Square, Tailscale,
		// age, Artifactory, Pulumi, Sentry, Fly.io, PlanetScale, Prefect: the rules of gitleaks, from their docs.
		{prefix: "shpat_", body: hexByte, least: 8},
		{prefix: "shpss_", body: hexByte, least: 8},
		{prefix: "shpca_", body: hexByte, least: 8},
		{prefix: "shppa_", body: hexByte, least: 8},
		{prefix: "dapi", body: hexByte, least: 32, full: 32},
		{prefix: "NRAK-", body: alnumByte, least: 8, full: 27},
		{prefix: "NRJS-", body: alnumByte, least: 8},
		{prefix: "glsa_", body: wordByte, least: 8, full: 41},
		{prefix: "glc_", body: baseByte, least: 16},
		{prefix: "ATATT3", body: baseByte, least: 8},
		{prefix: "ATCTT3", body: baseByte, least: 8},
		{prefix: "PMAK-", body: urlByte, least: 8},
		{prefix: "lin_api_", body: alnumByte, least: 8},
		{prefix: "dp.pt.", body: alnumByte, least: 8},
		{prefix: "dp.st.", body: tokenByte, least: 8},
		{prefix: "ops_eyJ", body: baseByte, least: 8},
		{prefix: "sq0atp-", body: urlByte, least: 8},
		{prefix: "sq0csp-", body: urlByte, least: 8},
		{prefix: "tskey-", body: urlByte, least: 8},
		{prefix: "AGE-SECRET-KEY-1", body: alnumByte, least: 8, full: 58},
		{prefix: "AKCp", body: alnumByte, least: 60},
		{prefix: "pul-", body: hexByte, least: 40, full: 40},
		{prefix: "sntrys_", body: tokenByte, least: 8},
		{prefix: "sntryu_", body: hexByte, least: 8, full: 64},
		{prefix: "fo1_", body: urlByte, least: 43, odd: true},
		{prefix: "pscale_tkn_", body: tokenByte, least: 8},
		{prefix: "pscale_pw_", body: tokenByte, least: 8},
		{prefix: "pnu_", body: alnumByte, least: 36, full: 36},
		// Hashes of passwords that are named: Django's, PostgreSQL's. Those of crypt(3) begin with $: see crypt.
		{prefix: "pbkdf2_sha", body: baseByte, least: 40},
		{prefix: "SCRAM-SHA-256$", body: baseByte, least: 8},
	} {
		byFirst[of.prefix[0]] = append(byFirst[of.prefix[0]], of)
	}
	return byFirst
}()

// token finds a token that begins at at, and gives its end.
func (s *scanner) token(at int) (int, bool) {
	for i := range shapes[s.text[at]] {
		of := &shapes[s.text[at]][i]
		if !prefixed(s.text, at, of.prefix) {
			continue
		}
		body := at + len(of.prefix)
		if of.prefix[0] == 'p' && of.prefix[1] == 'b' || of.prefix == "SCRAM-SHA-256$" {
			end := crypted(s.text, body)
			_, broken := s.below(end)
			if end-body >= of.least || broken {
				s.secret(at, end)
				return s.continued(end), true
			}
			continue
		}
		if end, ok := s.body(at, body, of); ok {
			if of.exact && of.full == 16 {
				s.secretAccessKey(end)
			}
			return end, true
		}
	}
	return at, false
}

// longestKept is how long a value at most is that may be no secret where a secret would be. It bounds how often the
// same bytes are read.
const longestKept = 512

// secretAccessKey notes the secret key of AWS that often stands beside its ID, as in "AKIA…:wJalr…": 40 bytes of base64.
func (s *scanner) secretAccessKey(at int) {
	start := at
	for start < len(s.text) && start < at+6 && bytes.IndexByte([]byte(" \t:,;|\"'"), s.text[start]) >= 0 {
		start++
	}
	if end := runWithin(s.text, start, pemByte, 41); end-start == 40 && random(s.text[start:end]) {
		s.secret(start, end)
	}
}

// longestOdd is how much of a token whose prefix is a common one is looked at to tell whether it looks random.
const longestOdd = 96

// body notes the token whose body begins at body, if it is one.
func (s *scanner) body(at, body int, of *shape) (int, bool) {
	text, start := s.text, at
	if of.keep {
		start = body
	}
	if of.odd || of.exact { // what is no token is not read to its end
		if end := runWithin(text, body, of.body, longestOdd); end-body == longestOdd && (of.exact || !random(text[body:end])) {
			return 0, false
		}
	}
	end := run(text, body, of.body)
	size, cut := end-body, end == len(text)
	switch {
	case of.exact && size > of.full, size == 0 && !(cut && s.back):
		if !(size == 0 && atLineEnd(text, end) && !of.odd) {
			return 0, false
		}
	case of.odd && size >= of.least && !random(text[body:end]) && !hexadecimal(text[body:end]):
		return 0, false
	}
	want := max(of.full, of.least)
	if size < want || of.full == 0 {
		if more, ok := s.wrapped(end, of, size); ok {
			s.secret(start, end)
			return more, true
		}
	}
	if size < of.least && !(cut && size > 0 && (s.back || size >= 8 && !of.exact && !of.odd)) || of.odd && size < of.least && ordinary(text[body:end]) {
		return 0, false
	}
	s.secret(start, end)
	if of.full == 0 && !of.keep {
		return s.continued(end), true
	}
	return end, true
}

// wrapped notes the rest of a token of which size bytes are before a line break at end: it must be missing.
func (s *scanner) wrapped(end int, of *shape, size int) (int, bool) {
	if !atLineEnd(s.text, end) || size >= of.least && of.full == 0 {
		return 0, false
	}
	next, ok := nextLine(s.text, end)
	if !ok {
		return 0, false
	}
	stop := run(s.text, next, of.body)
	rest := s.text[next:stop]
	switch whole := len(rest) + size; {
	case len(rest) == 0, whole < of.least, of.full > 0 && whole > of.full, assigns(s.text, next, stop):
		return 0, false
	case !of.exact && (size >= 8 || of.least <= 8 || of.odd) && ordinary(rest) && !(whole == of.full && hexadecimal(rest)):
		return 0, false
	case of.odd && (!random(append(s.text[end-size:end:end], rest...)) || stop < len(s.text) && (s.text[stop] == ':' || s.text[stop] == '(')):
		return 0, false
	}
	s.secret(next, stop)
	return end, true
}

// continued notes what goes on behind a line break at end, if something does that looks like the rest of a secret. It
// gives end back: what is there may also begin something else, so it is looked at as well.
func (s *scanner) continued(end int) int {
	for at := end; ; {
		next, ok := nextLine(s.text, s.pastStop(at))
		if !ok {
			return end
		}
		at = s.tokenEnd(next)
		if !goesOn(s.text, next, at) {
			return end
		}
		s.secret(next, at)
	}
}

// below notes the rest of a secret that a line break at end broke off, if what is behind it looks random, and tells
// whether it does. It gives end back, as continued does.
func (s *scanner) below(end int) (int, bool) {
	next, ok := nextLine(s.text, s.pastStop(end))
	if !ok {
		return end, false
	}
	stop := s.tokenEnd(next)
	rest := s.text[next:stop]
	if !random(rest) && !(hexadecimal(rest) && len(rest) >= 12 && !numeric(rest) && !digest(rest)) || assigns(s.text, next, stop) {
		return end, false
	}
	s.secret(next, stop)
	s.continued(stop)
	return end, true
}

// pastStop moves past full stops before a line's end: of a sentence, in a hash, or between the parts of a JWT.
func (s *scanner) pastStop(end int) int {
	stop := end
	for stop < len(s.text) && stop < end+4 && s.text[stop] == '.' {
		stop++
	}
	if atLineEnd(s.text, stop) {
		return stop
	}
	return end
}

// tokenEnd gives the end of a token at at, or of a password with marks.
func (s *scanner) tokenEnd(at int) int {
	end := run(s.text, at, tokenByte)
	if end < len(s.text) && bytes.IndexByte([]byte(marks), s.text[end]) >= 0 {
		return s.unquotedEnd(at)
	}
	return end
}

// goesOn reports whether the first word of a line looks like the rest of what the line before it broke off in.
func goesOn(text []byte, start, stop int) bool {
	word := text[start:stop]
	if len(word) == 0 || ordinary(word) && (word[len(word)-1] != '=' || len(word) < 8) || stop < len(text) && (text[stop] == ':' || text[stop] == '(') || assigns(text, start, stop) {
		return false
	}
	if len(word) >= 8 {
		return true
	}
	return atLineEnd(text, stop) && len(word) >= 4 && !plain(word)
}

// assigns reports whether a word is a name, a =, and maybe a value; base64 has a = at its end only.
func assigns(text []byte, start, stop int) bool {
	i := bytes.IndexByte(text[start:stop], '=')
	if i < 1 {
		return false
	}
	if start+i+1 < stop {
		return text[start+i+1] != '='
	}
	name := text[start : start+i]
	return stop+1 < len(text) && (text[stop] == '"' || text[stop] == '\'' || text[stop] == '$') && text[stop+1] > ' ' &&
		bytes.IndexByte([]byte(",;)]}"), text[stop+1]) < 0 && (wordlike(name) || screaming(name))
}
