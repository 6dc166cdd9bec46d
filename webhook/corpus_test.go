package webhook

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// sample is a review to measure with: one that the API server sent, with environment variables added wherever an apply
// of them leaves traces, so that the order and the proportions of its parts are real.
type sample struct {
	name string
	text []byte
}

// samples are objects of about 4 KiB and 100 KiB, created and updated, and creations by number of variables.
func samples(tb testing.TB) []sample {
	create, update := recording(tb, "create"), recording(tb, "update")
	return []sample{
		{"create-4KiB", sized(tb, create, 4<<10)},
		{"update-4KiB", sized(tb, update, 4<<10)},
		{"create-100KiB", sized(tb, create, 100<<10)},
		{"update-100KiB", sized(tb, update, 100<<10)},
		{"env-15", withVariables(tb, create, 15)},
		{"env-150", withVariables(tb, create, 150)},
		{"env-1500", withVariables(tb, create, 1500)},
	}
}

// recording is what kubectl's client-side apply made the API server send.
func recording(tb testing.TB, verb string) string {
	text, err := os.ReadFile("testdata/reviews/kubectl-apply-client-side-" + verb + ".json")
	require.NoError(tb, err)
	return strings.TrimSpace(string(text))
}

// sized adds variables until the object has a size.
func sized(tb testing.TB, review string, size int) []byte {
	one := len(objectOf(tb, withVariables(tb, review, 2))) - len(objectOf(tb, withVariables(tb, review, 1)))
	return withVariables(tb, review, 1+max(0, size-len(objectOf(tb, withVariables(tb, review, 1))))/one)
}

func objectOf(tb testing.TB, review []byte) []byte {
	reader := newReader().(*reader)
	require.NoError(tb, reader.fill(strings.NewReader(string(review)), int64(len(review))))
	require.NoError(tb, reader.readAll())
	return reader.object
}

// withVariables adds environment variables to the container of a recorded review: to the pod template, to what was last
// applied, and to what its field manager owns.
func withVariables(tb testing.TB, review string, count int) []byte {
	var spec, applied, owned []string
	for i := range count {
		variable := fmt.Sprintf(`{"name":"SERVICE_%04d_URL","value":"http://service-%04d.shop.svc:8080"}`, i, i)
		spec = append(spec, variable)
		applied = append(applied, strings.ReplaceAll(variable, `"`, `\"`))
		owned = append(owned, fmt.Sprintf(`"k:{\"name\":\"SERVICE_%04d_URL\"}":{".":{},"f:name":{},"f:value":{}}`, i))
	}
	for _, place := range [][2]string{
		{`,"resources":{"limits"`, `,"env":[` + strings.Join(spec, ",") + `],"resources":{"limits"`},
		{`\"containers\":[{`, `\"containers\":[{\"env\":[` + strings.Join(applied, ",") + `],`},
		{`{".":{},"f:image"`, `{".":{},"f:env":{".":{},` + strings.Join(owned, ",") + `},"f:image"`},
	} {
		require.Contains(tb, review, place[0], "the recordings have changed")
		review = strings.ReplaceAll(review, place[0], place[1])
	}
	return []byte(review)
}

// sampled is what the handler that is measured knows: a hundred Remediations of other Deployments, and when it is
// told so, one that raises the memory of the samples'.
func sampled(matching bool) known {
	var all known
	for i := range 100 {
		all = append(all, learned(func(r *v1alpha1.Remediation) {
			r.Namespace, r.Spec.TargetRef.Name = "record", fmt.Sprintf("other-%d", i)
		}))
	}
	if matching {
		all = append(all, learned(func(r *v1alpha1.Remediation) {
			request := resource.MustParse("256Mi")
			r.Namespace, r.Spec.Actions[0].IncreaseMemory.Request = "record", &request
		}))
	}
	return all
}
