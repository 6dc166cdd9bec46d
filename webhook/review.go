package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// review is what is read of an AdmissionReview. Its slices are parts of the body.
type review struct {
	uid                                                        []byte // as it is written, with its quotes
	operation, group, kind, namespace, name, subresource, user []byte
	object, old, options                                       []byte // JSON
	dryRun                                                     bool

	apiVersion, reviewKind []byte
	hasRequest, hasUser    bool
}

// reader reads reviews one after the other without allocating for each.
type reader struct {
	review
	input   bytes.Buffer // holds the body
	body    []byte
	source  bytes.Buffer // of which the decoder takes what is in input, without copying it
	decoder *jsontext.Decoder
	head    bool   // it reads up to the object and no further
	key     []byte // scratch for index keys
}

// maxKept bounds the buffers that are kept for later reviews, in bytes: one review of 7 MiB must not hold on to its
// memory for ever. Real objects stay below: with 256 KiB, a review of 330 KiB cost ten times as much, all of it for a
// new buffer (make bench-webhook, env-1500).
const maxKept = 1 << 20

func newReader() any { return &reader{decoder: jsontext.NewDecoder(&bytes.Buffer{})} }

// fill reads the body of a request, whose length is known beforehand or -1.
func (r *reader) fill(body io.Reader, length int64) error {
	r.input.Reset()
	if length > 0 {
		r.input.Grow(int(min(length, maxReview)) + bytes.MinRead)
	}
	_, err := r.input.ReadFrom(body)
	r.body = r.input.Bytes()
	return err
}

// reusable reports whether the reader may be kept for other reviews.
func (r *reader) reusable() bool { return r.input.Cap() <= maxKept }

// How strictly a body is read. What decides that nothing is to be done reads leniently: no patch can come of it. What
// a patch may come of has no member twice and no invalid UTF-8: of such a text different readers see different things.
var (
	lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	strict  = []jsontext.Options{jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false)}
)

// errEnough ends a reading that has what it was for.
var errEnough = errors.New("enough was read")

// readHead reads up to the object, which the API server writes after everything that tells what the request is about.
// rest is the part of the body that was not read.
func (r *reader) readHead() (rest []byte, err error) {
	err = r.read(lenient, true)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return r.body[r.decoder.InputOffset():], nil
}

// readAll reads all of the body.
func (r *reader) readAll() error { return r.read(strict, false) }

func (r *reader) read(options []jsontext.Options, head bool) error {
	r.review, r.head = review{}, head
	r.source = *bytes.NewBuffer(r.body)
	r.decoder.Reset(&r.source, options...)
	if err := r.members((*reader).reviewMember); err != nil {
		return err
	}
	if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the AdmissionReview")
	}
	return nil
}

// reviewMember reads one member of the AdmissionReview.
func (r *reader) reviewMember(name []byte) error {
	switch string(name) {
	case `"apiVersion"`:
		return r.text(&r.apiVersion)
	case `"kind"`:
		return r.text(&r.reviewKind)
	case `"request"`:
		if r.decoder.PeekKind() == 'n' {
			return r.decoder.SkipValue()
		}
		r.hasRequest = true
		return r.members((*reader).requestMember)
	}
	return r.decoder.SkipValue()
}

// requestMember reads one member of the request.
func (r *reader) requestMember(name []byte) error {
	switch string(name) {
	case `"uid"`:
		value, err := r.decoder.ReadValue()
		if value.Kind() == '"' && len(value) > 2 {
			r.uid = value
		}
		return err
	case `"kind"`:
		return r.nullable("kind", (*reader).kindMember)
	case `"userInfo"`:
		r.hasUser = true
		return r.nullable("userInfo", (*reader).userMember)
	case `"namespace"`:
		return r.text(&r.namespace)
	case `"name"`:
		return r.text(&r.name)
	case `"operation"`:
		return r.text(&r.operation)
	case `"subResource"`:
		return r.text(&r.subresource)
	case `"object"`, `"oldObject"`:
		if r.head && r.uid != nil && r.kind != nil && r.operation != nil && r.hasUser && r.apiVersion != nil && r.reviewKind != nil {
			return errEnough
		}
		if string(name) == `"object"` {
			return r.raw(&r.object)
		}
		return r.raw(&r.old)
	case `"options"`:
		return r.raw(&r.options)
	case `"dryRun"`:
		value, err := r.decoder.ReadValue()
		if r.dryRun = value.Kind() == 't'; err == nil && !r.dryRun && value.Kind() != 'f' && value.Kind() != 'n' {
			return fmt.Errorf("there is a %s where a truth value is expected", value.Kind())
		}
		return err
	}
	return r.decoder.SkipValue()
}

func (r *reader) kindMember(name []byte) error {
	switch string(name) {
	case `"group"`:
		return r.text(&r.group)
	case `"kind"`:
		return r.text(&r.kind)
	}
	return r.decoder.SkipValue()
}

func (r *reader) userMember(name []byte) error {
	if string(name) == `"username"` {
		return r.text(&r.user)
	}
	return r.decoder.SkipValue()
}

// member reads the value of the member with a name, which is given as JSON. Members are read by methods rather than by
// closures, and their names are not made strings: either would allocate for each.
type member func(r *reader, name []byte) error

// members goes through the members of the object that comes next.
func (r *reader) members(each member) error {
	token, err := r.decoder.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '{' {
		return notAnObject(token.Kind())
	}
	for r.decoder.PeekKind() != '}' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		if bytes.IndexByte(name, '\\') >= 0 {
			if name, err = plain(name); err != nil {
				return err
			}
		}
		if err := each(r, name); err != nil {
			return err
		}
	}
	_, err = r.decoder.ReadToken()
	return err
}

// plain writes a string without the escapes that it does not need.
func plain(name jsontext.Value) (jsontext.Value, error) {
	text, err := jsontext.AppendUnquote(nil, name)
	if err != nil {
		return nil, err
	}
	return jsontext.AppendQuote(nil, text)
}

// nullable goes through the members of a value that may be null.
func (r *reader) nullable(what string, each member) error {
	if r.decoder.PeekKind() == 'n' {
		return r.decoder.SkipValue()
	}
	if err := r.members(each); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// text reads a string; null is an empty one.
func (r *reader) text(into *[]byte) error {
	value, err := r.decoder.ReadValue()
	switch {
	case err != nil:
		return err
	case value.Kind() == 'n':
		*into = nil
		return nil
	case value.Kind() != '"':
		return fmt.Errorf("there is a %s where a string is expected", value.Kind())
	}
	if bytes.IndexByte(value, '\\') < 0 {
		*into = value[1 : len(value)-1]
		return nil
	}
	*into, err = jsontext.AppendUnquote(nil, value)
	return err
}

// raw reads a value as it is written; null is none.
func (r *reader) raw(into *[]byte) error {
	value, err := r.decoder.ReadValue()
	if err == nil && value.Kind() != 'n' {
		*into = value
	}
	return err
}

// check says why what was read is no review that can be answered; nil when it is one.
func (r *review) check() *problem {
	switch {
	case string(r.apiVersion) != "admission.k8s.io/v1" || string(r.reviewKind) != "AdmissionReview":
		return wrong(http.StatusBadRequest, "kind", "the body is apiVersion %q, kind %q: admission.k8s.io/v1, AdmissionReview is expected", r.apiVersion, r.reviewKind)
	case !r.hasRequest:
		return wrong(http.StatusBadRequest, "no_request", "the AdmissionReview has no request")
	case r.uid == nil:
		return wrong(http.StatusBadRequest, "no_uid", "the AdmissionReview's request has no uid")
	}
	return nil
}

// maxDepth bounds how deeply objects are nested that a patch may come of. A Deployment has less than 20 levels, and
// what is nested deeper than the API server's own types is nothing that is understood here.
const maxDepth = 256

// deeper reports whether JSON is nested deeper than a bound.
func deeper(text []byte, bound int) bool {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > bound {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
