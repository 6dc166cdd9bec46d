package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func fieldsOf(t *testing.T, text string) Fields {
	t.Helper()
	objects, err := Documents([]byte(text))
	require.NoError(t, err)
	require.Len(t, objects, 1)
	return FieldsOf(objects[0])
}

func TestOnlyWhatIsAllowedMayDiffer(t *testing.T) {
	before := fieldsOf(t, `
kind: CronJob
metadata: {name: report, annotations: {kube-remedy.io/audit: old}}
spec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {containers: [{name: app, image: a:1, resources: {limits: {memory: 64Mi}}}]}}}}}
`)
	after := fieldsOf(t, `
kind: CronJob
metadata: {name: report, annotations: {kube-remedy.io/audit: new}}
spec: {schedule: '@hourly', jobTemplate: {spec: {template: {spec: {containers: [{name: app, image: a:2, resources: {limits: {memory: 128Mi}}}]}}}}}
`)
	scenario := &Scenario{Owner: "CronJob/report", After: After{MayDiffer: []string{"containers[app].resources"}}}
	require.Equal(t, []string{
		"CronJob/report containers[app].image: a:1 → a:2",
		"CronJob/report spec.schedule: @daily → @hourly",
	}, scenario.Wrong("CronJob/report", before.Differences(after)))
	require.Len(t, scenario.Wrong("Deployment/other", before.Differences(after)), 3, "of other objects nothing may differ")
	scenario.After.MustNotDiffer = []string{"containers[app].resources.limits"}
	require.Len(t, scenario.Wrong("CronJob/report", before.Differences(after)), 3, "what must not differ is the stronger word")
}

func TestWhatIsMadeAnewForEachPodIsNoDifference(t *testing.T) {
	require.Empty(t, fieldsOf(t, `
kind: Pod
metadata: {name: a, uid: x, labels: {app: a}}
spec: {nodeName: one, volumes: [{name: kube-api-access-1}], containers: [{name: c, volumeMounts: [{name: kube-api-access-1, mountPath: /x}]}]}
status: {phase: Running}
`).Differences(fieldsOf(t, `
kind: Pod
metadata: {name: a, uid: y, labels: {app: a}}
spec: {nodeName: two, volumes: [{name: kube-api-access-2}], containers: [{name: c, volumeMounts: [{name: kube-api-access-2, mountPath: /x}]}]}
`)))
}
