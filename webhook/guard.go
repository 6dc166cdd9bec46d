package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"

	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// guard decides about Remediations themselves. What it can't decide it refuses: unlike workloads, a Remediation that
// is let through unseen could change what others run.
type guard struct {
	reviews accessReviews
	watcher string // the event watcher's user name
	kinds   func() map[schema.GroupKind]kind
	metrics *metrics
	log     *slog.Logger
}

// accessReviews asks the API server what a user may do.
type accessReviews interface {
	Create(context.Context, *authorizationv1.SubjectAccessReview, metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// entry is a Remediation that somebody writes.
type entry struct {
	*admissionv1.AdmissionRequest
	now, before *v1alpha1.Remediation // before is nil on creation
}

// maxEntry bounds a review of a Remediation, in bytes: two of them, whose lists and texts all have bounds.
const maxEntry = 2 << 20

// handler answers reviews of Remediations with what decide says.
func (g *guard) handler(decide decision) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := checkRequest(w, r); problem != nil {
			g.metrics.rejected(problem.reason)
			http.Error(w, problem.Error(), problem.status)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEntry))
		if err != nil {
			g.metrics.rejected("body")
			http.Error(w, "read the body: "+err.Error(), http.StatusBadRequest)
			return
		}
		var review admissionv1.AdmissionReview
		if err := json.Unmarshal(body, &review); err != nil || review.Request == nil || review.Request.UID == "" {
			g.metrics.rejected("json")
			http.Error(w, "the body is not an AdmissionReview with a request", http.StatusBadRequest)
			return
		}
		given := g.decide(r.Context(), review.Request, decide)
		g.metrics.answered(given)
		if given.outcome == denied {
			g.log.Info("refused a remediation", "user", review.Request.UserInfo.Username, "namespace", review.Request.Namespace,
				"name", review.Request.Name, "uid", review.Request.UID, "reason", given.message)
		}
		uid := appendJSON(nil, string(review.Request.UID))
		if err := given.write(w, uid); err != nil {
			g.log.Warn("could not send an answer", "error", err)
		}
	})
}

// decision answers a request about a Remediation.
type decision func(context.Context, *admissionv1.AdmissionRequest) answer

// decide has a request decided about, if it is about a Remediation.
func (g *guard) decide(ctx context.Context, request *admissionv1.AdmissionRequest, decide decision) (given answer) {
	defer func() {
		if cause := recover(); cause != nil {
			g.log.Error("panic while deciding about a remediation; refused", "cause", cause, "stack", string(debug.Stack()), "uid", request.UID)
			given = refuse("internal error")
		}
	}()
	if request.Kind.Group != v1alpha1.GroupName || request.Kind.Kind != v1alpha1.RemediationKind.Kind {
		return allow("kind")
	}
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update {
		return allow("operation") // one that goes, or is connected to, changes nothing
	}
	return decide(ctx, request)
}

// reading reads the Remediations of a request for a decision about them.
func reading(decide func(context.Context, entry) answer) decision {
	return func(ctx context.Context, request *admissionv1.AdmissionRequest) answer {
		e := entry{AdmissionRequest: request}
		var err error
		if e.now, err = readEntry(request.Object.Raw); err == nil && e.now == nil {
			err = errors.New("there is none")
		}
		if err != nil {
			return refuse("the object can't be read: %v", err)
		}
		if e.before, err = readEntry(request.OldObject.Raw); err != nil {
			return refuse("the old object can't be read: %v", err)
		}
		return decide(ctx, e)
	}
}

// readEntry reads a Remediation; nil when there is none. Members of the spec that no Remediation has are an error.
func readEntry(raw []byte) (*v1alpha1.Remediation, error) {
	if len(bytes.TrimSpace(raw)) == 0 || string(raw) == "null" {
		return nil, nil
	}
	// Names are told apart by case, as the API server does: what is checked must be what is stored.
	var parts struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &parts); err != nil {
		return nil, err
	}
	if err := checkExponents(parts.Spec); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	wrong, err := kjson.UnmarshalStrict(parts.Spec, &v1alpha1.RemediationSpec{})
	if err = errors.Join(append(wrong, err)...); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	var read v1alpha1.Remediation
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &read); err != nil {
		return nil, err
	}
	return &read, nil
}

// longExponent is how a quantity is written that nothing can be computed with: reading 1e-999999999, or comparing
// 1e999999999 with another, takes more time and memory than there is.
var longExponent = regexp.MustCompile(`^[+-]?[0-9.]*[eE][+-]?[0-9]{3,}$`)

// checkExponents refuses such quantities before a spec is read as one.
func checkExponents(spec []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(spec))
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case token.Kind() != '"' && token.Kind() != '0':
		case longExponent.MatchString(token.String()):
			return fmt.Errorf("%s has an exponent of too many digits", engine.Shorten(token.String(), 64))
		}
	}
}

func refuse(format string, args ...any) answer {
	return answer{outcome: denied, reason: "remediation", message: "kube-remedy: " + fmt.Sprintf(format, args...)}
}

// signed is the part of a Remediation that says who wrote it. No more is read to write it: what else may be wrong is
// for the schema to say, which comes later and names the field.
type signed struct {
	Metadata map[string]any `json:"metadata"`
	Spec     struct {
		Mode v1alpha1.Mode `json:"mode"`
	} `json:"spec"`
}

func (s *signed) annotation(name string) string {
	return annotationOf(map[string]any{"metadata": s.Metadata}, name)
}

// author writes on a Remediation who created it, and who approved it. Neither can be said by anybody else.
func (g *guard) author(_ context.Context, request *admissionv1.AdmissionRequest) answer {
	var now, before signed
	if err := kjson.UnmarshalCaseSensitivePreserveInts(request.Object.Raw, &now); err != nil {
		return refuse("the object can't be read: %v", err)
	}
	exists := len(bytes.TrimSpace(request.OldObject.Raw)) > 0 && string(request.OldObject.Raw) != "null"
	if exists {
		if err := kjson.UnmarshalCaseSensitivePreserveInts(request.OldObject.Raw, &before); err != nil {
			return refuse("the old object can't be read: %v", err)
		}
	}
	user := request.UserInfo.Username
	author, approver := user, ""
	if exists {
		author, approver = before.annotation(v1alpha1.AuthorAnnotation), before.annotation(v1alpha1.ApprovedByAnnotation)
	}
	became := now.Spec.Mode == v1alpha1.Heal && (!exists || before.Spec.Mode != v1alpha1.Heal)
	switch {
	case now.Spec.Mode != v1alpha1.Heal:
		approver = ""
	case became && user != g.watcher:
		approver = user
	case became:
		approver = ""
	}
	var done annotating
	done.annotate(map[string]any{"metadata": now.Metadata}, "", map[string]string{
		v1alpha1.AuthorAnnotation: author, v1alpha1.ApprovedByAnnotation: approver,
	})
	if len(done.operations) == 0 {
		return allow("author")
	}
	patch, err := json.Marshal(done.operations)
	if err == nil {
		_, err = tryPatch(request.Object.Raw, patch)
	}
	if err != nil {
		return refuse("the author can't be written: %v", err)
	}
	return answer{outcome: patched, reason: "author", patch: patch}
}

// validate refuses what a Remediation may not say, and whom it may not come from.
func (g *guard) validate(ctx context.Context, e entry) answer {
	watcher := e.UserInfo.Username == g.watcher
	switch {
	case e.SubResource == "status":
		if !watcher {
			return refuse("only the event watcher writes a remediation's status; what a person can change is spec.mode")
		}
		return allow("status")
	case e.SubResource != "":
		return allow("subresource")
	case e.before != nil && e.now.Annotations[v1alpha1.AuthorAnnotation] != e.before.Annotations[v1alpha1.AuthorAnnotation]:
		return refuse("annotation %s never changes", v1alpha1.AuthorAnnotation)
	case e.before == nil && e.now.Annotations[v1alpha1.AuthorAnnotation] != e.UserInfo.Username:
		return refuse("annotation %s must be %q, who creates it", v1alpha1.AuthorAnnotation, e.UserInfo.Username)
	case e.before != nil && equality.Semantic.DeepEqual(e.now.Spec, e.before.Spec):
		return allow("metadata")
	}
	target, problem := g.checkSpec(e.now)
	if problem != "" {
		return refuse("%s", problem)
	}
	if watcher {
		return allow("watcher")
	}
	if e.before != nil && g.learned(e.before) {
		same := e.now.Spec.DeepCopy()
		same.Mode = e.before.Spec.Mode
		if !equality.Semantic.DeepEqual(*same, e.before.Spec) {
			return refuse("the event watcher learned this remediation: only spec.mode can be changed (Heal, Suggest); for other actions create a remediation of your own")
		}
	}
	return g.authorize(ctx, e, target)
}

// learned reports whether the event watcher wrote a Remediation. The registration does not send us what the watcher
// writes, so that it can go on without us; everybody else's Remediations have an author.
func (g *guard) learned(remediation *v1alpha1.Remediation) bool {
	author := remediation.Annotations[v1alpha1.AuthorAnnotation]
	return author == "" || author == g.watcher
}

// checkSpec says what is wrong with a spec beyond what the schema refuses; empty when nothing is.
func (g *guard) checkSpec(now *v1alpha1.Remediation) (target kind, problem string) {
	ref := now.Spec.TargetRef
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return kind{}, fmt.Sprintf("spec.targetRef.apiVersion %q: %v", ref.APIVersion, err)
	}
	target, known := g.kinds()[schema.GroupKind{Group: version.Group, Kind: ref.Kind}]
	if !known {
		return kind{}, fmt.Sprintf("spec.targetRef: %s of %s is no kind that is healed; kinds of your own are added in the configuration (kinds)", ref.Kind, ref.APIVersion)
	}
	for i, action := range now.Spec.Actions {
		if remedy.NameOf(action) == "" {
			return kind{}, fmt.Sprintf("spec.actions[%d]: it must be one of the actions that there are: %v", i, remedy.Actions())
		}
		if fix := action.FixImage; fix != nil && remedy.ParseImage(fix.Image).Registry() != remedy.ParseImage(fix.Replacement).Registry() {
			return kind{}, fmt.Sprintf("spec.actions[%d].fixImage.replacement: %s is of another registry than %s", i, fix.Replacement, fix.Image)
		}
	}
	return target, ""
}

// authorize asks whether the user may change the target: a Remediation changes it in the user's name.
func (g *guard) authorize(ctx context.Context, e entry, target kind) answer {
	version, _ := schema.ParseGroupVersion(e.now.Spec.TargetRef.APIVersion) // read before
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: e.Namespace, Verb: "patch", Group: version.Group, Version: version.Version,
		Resource: target.resource, Name: e.now.Spec.TargetRef.Name,
	}
	extra := map[string]authorizationv1.ExtraValue{}
	for name, values := range e.UserInfo.Extra {
		extra[name] = authorizationv1.ExtraValue(values)
	}
	asked, err := g.reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		ResourceAttributes: attributes, User: e.UserInfo.Username, Groups: e.UserInfo.Groups, UID: e.UserInfo.UID, Extra: extra,
	}}, metav1.CreateOptions{})
	if err != nil {
		g.log.Error("could not ask what a user may do; refused", "error", err, "uid", e.UID)
		return refuse("whether you may patch the target could not be found out; try again")
	}
	if !asked.Status.Allowed {
		return refuse("user %q may not patch %s %q in namespace %q, which this remediation would change",
			e.UserInfo.Username, target.resource, e.now.Spec.TargetRef.Named(), e.Namespace)
	}
	return allow("authorized")
}
