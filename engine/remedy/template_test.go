package remedy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestHashOfATemplateIsThatOfWhatItRuns(t *testing.T) {
	const received = `{"kind":"Deployment","spec":{"replicas":2,"template":{"metadata":{"labels":{"app":"web"},"annotations":{"team":"shop"}},` +
		`"spec":{"containers":[{"name":"app","image":"shop/web:1","resources":{"limits":{"cpu":1}}}]}}}}`
	hash := func(object string) string {
		sum, err := remedy.TemplateOf(decode(t, []byte(object))).Hash(decode(t, []byte(object)))
		require.NoError(t, err)
		require.Regexp(t, `^[0-9a-f]{16}$`, sum)
		return sum
	}
	for _, test := range []struct {
		name, from, to string
		differs        bool
	}{
		{name: "members in another order", from: `"labels":{"app":"web"},"annotations":{"team":"shop"}`, to: `"annotations":{"team":"shop"},"labels":{"app":"web"}`},
		{name: "what stands beside the template", from: `"replicas":2`, to: `"replicas":7,"paused":true`},
		{name: "our annotations", from: `"team":"shop"`, to: `"team":"shop","kube-remedy.io/remediations":"deployment-web-oomkilled-app@1"`},
		{name: "kubectl rollout restart", from: `"team":"shop"`, to: `"team":"shop","kubectl.kubernetes.io/restartedAt":"2026-03-01T12:00:00Z"`},
		{name: "the time of creation that the API server writes as null", from: `"metadata":{"labels"`, to: `"metadata":{"creationTimestamp":null,"labels"`},
		{name: "another image", from: "shop/web:1", to: "shop/web:2", differs: true},
		{name: "another label", from: `{"app":"web"}`, to: `{"app":"api"}`, differs: true},
		{name: "another annotation", from: `"team":"shop"`, to: `"team":"bank"`, differs: true},
		{name: "a number that differs", from: `"cpu":1`, to: `"cpu":1000000000000000000001`, differs: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := strings.Replace(received, test.from, test.to, 1)
			require.NotEqual(t, received, other)
			require.Equal(t, test.differs, hash(received) != hash(other))
		})
	}
	t.Run("members of the spec that are null", func(t *testing.T) {
		require.Equal(t, hash(received), hash(strings.Replace(received, `"spec":{"containers"`, `"spec":{"nodeSelector":null,"containers"`, 1)))
	})
	t.Run("annotations of null and none are the same", func(t *testing.T) {
		const without, null = `{"spec":{"template":{"spec":{}}}}`, `{"spec":{"template":{"metadata":{"annotations":null},"spec":{}}}}`
		require.Equal(t, hash(without), hash(null))
	})
}

func TestWhereTemplatesAre(t *testing.T) {
	for _, test := range []struct {
		name, object string
		want         remedy.Template
	}{
		{"most kinds", `{"kind":"Deployment"}`, remedy.Template{"spec", "template"}},
		{"a kind that nobody named", `{"kind":"Rollout"}`, remedy.Template{"spec", "template"}},
		{"an object without a kind", `{}`, remedy.Template{"spec", "template"}},
		{"a kind that is a number", `{"kind":7}`, remedy.Template{"spec", "template"}},
		{"a CronJob", `{"kind":"CronJob"}`, remedy.Template{"spec", "jobTemplate", "spec", "template"}},
		{"a Pod is its own", `{"kind":"Pod"}`, nil},
		{"a claim has none", `{"kind":"PersistentVolumeClaim"}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, remedy.TemplateOf(decode(t, []byte(test.object))))
		})
	}
	require.Nil(t, remedy.ParseTemplate(""))
	require.Equal(t, remedy.Template{"spec", "workload", "template"}, remedy.ParseTemplate("spec.workload.template"))
	require.Nil(t, remedy.Template{"spec", "template"}.Of(decode(t, []byte(`{"spec":{"template":[]}}`))))
}
