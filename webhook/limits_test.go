package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fieldpath "k8s.io/apimachinery/pkg/util/validation/field"
)

// TestAnnotationsNeverGrowPastWhatIsAccepted asks the API server's own validation.
func TestAnnotationsNeverGrowPastWhatIsAccepted(t *testing.T) {
	for _, room := range []int{100, 400, 600, 1000} {
		object := deployment("128Mi", `,"annotations":{"big":"`+strings.Repeat("x", validation.TotalAnnotationSizeLimitB-room)+`"}`, "")
		given, err := known{learned()}.healer().ask(t, creation(object))
		require.NoError(t, err)
		var after metav1.PartialObjectMetadata
		require.NoError(t, json.Unmarshal([]byte(healed(t, object, given)), &after))
		require.Empty(t, validation.ValidateAnnotations(after.Annotations, fieldpath.NewPath("metadata")), "room for %d bytes", room)
		require.NotEmpty(t, given.warnings)
	}
}

func TestMarksGoWithTheirRemediation(t *testing.T) {
	object := deployment("128Mi", ours, marked)
	given, err := known{}.healer().ask(t, creation(object))
	require.NoError(t, err)
	require.JSONEq(t, deployment("128Mi", `,"annotations":{}`, `"metadata":{"annotations":{}},`), healed(t, object, given))
}

func TestAModeThatIsNoneIsToldBeforeAnythingIsLearned(t *testing.T) {
	given, err := known{}.healer().ask(t, creation(deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"no"}`, "")))
	require.NoError(t, err)
	require.Equal(t, []string{`kube-remedy: annotation kube-remedy.io/mode: "no" is ignored; use heal, suggest or off`}, given.warnings)
}

func TestUndoOverwritesAModeThatIsThere(t *testing.T) {
	given, err := known{learned()}.healer().ask(t, creation(deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"heal"}`, "")))
	require.NoError(t, err)
	require.Contains(t, given.warnings[0], "undo: kubectl annotate deploy/web kube-remedy.io/mode=off -n shop --overwrite")
}

func TestADeletionIsNotAnError(t *testing.T) {
	request := creation(deployment("128Mi", "", ""))
	request.Operation, request.OldObject, request.Object.Raw = admissionv1.Delete, request.Object, nil
	given, err := known{learned()}.healer().ask(t, request)
	require.NoError(t, err)
	require.Equal(t, allow("not_an_apply"), given, "nothing is looked up")
}
