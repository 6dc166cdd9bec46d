package webhook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// outcome is what became of a request, for metrics.
type outcome string

const (
	allowed   outcome = "allowed"   // nothing to do
	patched   outcome = "patched"   // the object was changed
	suggested outcome = "suggested" // the applier was told of a fix
	denied    outcome = "denied"    // what is known to fail was refused
	failure   outcome = "error"     // something went wrong; the object was left alone
)

// answer is a decision about a request.
type answer struct {
	outcome  outcome
	reason   string // why, from a closed set
	patch    []byte // a JSON Patch, or nothing
	warnings []string
	audit    map[string]string // for the API server's audit log
	message  string            // why a request is denied
	cures    []cure            // that the object gets now, for metrics
}

// cure is one that an object gets.
type cure struct {
	failure v1alpha1.FailureType
	update  string // of which object by which attempt; empty when the object is created
}

func allow(reason string) answer  { return answer{outcome: allowed, reason: reason} }
func failed(reason string) answer { return answer{outcome: failure, reason: reason} }

// The parts of an answer that are always the same.
const (
	answerHead = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":`
	answerPass = `,"allowed":true`
	answerDeny = `,"allowed":false`
	answerTail = `}}`
)

// jsonType is shared by all answers; a header's values are only read.
var jsonType = []string{"application/json"}

// write sends the answer to the review with a uid, which is given as JSON. What is always the same is written as it
// is: most answers have nothing else.
func (a answer) write(w http.ResponseWriter, uid []byte) error {
	w.Header()["Content-Type"] = jsonType
	text := make([]byte, 0, 512)
	text = append(append(text, answerHead...), uid...)
	if a.outcome == denied {
		text = append(text, answerDeny...)
		text = append(text, `,"status":{"code":403,"reason":"Forbidden","message":`...)
		text = append(appendJSON(text, a.message), '}')
	} else {
		text = append(text, answerPass...)
	}
	if len(a.patch) > 0 {
		text = append(text, `,"patchType":"JSONPatch","patch":"`...)
		text = append(base64.StdEncoding.AppendEncode(text, a.patch), '"')
	}
	if len(a.warnings) > 0 {
		text = appendJSON(append(text, `,"warnings":`...), a.warnings)
	}
	if len(a.audit) > 0 {
		text = append(text, `,"auditAnnotations":{`...)
		for i, name := range slices.Sorted(maps.Keys(a.audit)) {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendJSON(append(appendJSON(text, name), ':'), a.audit[name])
		}
		text = append(text, '}')
	}
	text = append(text, answerTail...)
	_, err := w.Write(text)
	return err
}

// appendJSON writes strings, which always encode.
func appendJSON(text []byte, value any) []byte {
	encoded, _ := json.Marshal(value)
	return append(text, encoded...)
}

// problem is why a request can't be read.
type problem struct {
	status int
	reason string
	err    error
}

func (p *problem) Error() string { return p.err.Error() }

func wrong(status int, reason, format string, args ...any) *problem {
	return &problem{status: status, reason: reason, err: fmt.Errorf(format, args...)}
}
