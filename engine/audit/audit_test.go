package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func record(learned time.Time, evidence ...string) audit.Record {
	at := metav1.NewTime(learned)
	remediation := &v1alpha1.Remediation{
		Spec: v1alpha1.RemediationSpec{FailureType: v1alpha1.OOMKilled},
		Status: v1alpha1.RemediationStatus{
			LearnedAt: &at,
			Diagnosis: &v1alpha1.Diagnosis{RootCause: "too little memory", Confidence: 92, RiskLevel: v1alpha1.RiskCritical},
		},
	}
	for _, text := range evidence {
		remediation.Status.Diagnosis.Evidence = append(remediation.Status.Diagnosis.Evidence, v1alpha1.Citation{Source: "pod/web-1", Text: text})
	}
	return audit.NewRecord(remediation, []remedy.Modification{{
		Field: "spec.template.spec.containers[name=app].resources.limits.memory", Container: "app", OldValue: "128Mi", NewValue: "256Mi",
	}})
}

func TestRecordHasOneShape(t *testing.T) {
	zone := time.FixedZone("east", 3*3600)
	value, err := audit.Annotation([]audit.Record{record(time.Date(2026, 3, 1, 15, 0, 0, 999, zone), "reason OOMKilled")})
	require.NoError(t, err)
	require.Equal(t, `[{"failure_type":"OOMKilled","root_cause":"too little memory","confidence":92,`+
		`"evidence":["pod/web-1: reason OOMKilled"],`+
		`"modifications":[{"field":"spec.template.spec.containers[name=app].resources.limits.memory","container":"app","old_value":"128Mi","new_value":"256Mi"}],`+
		`"risk_level":"CRITICAL","timestamp":"2026-03-01T12:00:00Z"}]`, value)
}

func TestAnnotation(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	t.Run("lists the newest record first", func(t *testing.T) {
		value, err := audit.Annotation([]audit.Record{record(noon), record(noon.Add(time.Hour)), record(noon.Add(time.Minute))})
		require.NoError(t, err)
		records, err := audit.Parse(value)
		require.NoError(t, err)
		require.Equal(t, []string{"2026-03-01T13:00:00Z", "2026-03-01T12:01:00Z", "2026-03-01T12:00:00Z"},
			[]string{records[0].Timestamp, records[1].Timestamp, records[2].Timestamp})
	})
	t.Run("drops evidence before records when it would be too long", func(t *testing.T) {
		records := make([]audit.Record, 0, 10)
		for range 10 {
			records = append(records, record(noon, strings.Repeat("x", 2000)))
		}
		value, err := audit.Annotation(records)
		require.NoError(t, err)
		require.LessOrEqual(t, len(value), audit.MaxAnnotationBytes)
		kept, err := audit.Parse(value)
		require.NoError(t, err)
		require.Len(t, kept, 10)
		require.NotEmpty(t, kept[0].Evidence, "the newest keeps its evidence")
	})
	t.Run("drops the oldest records when even without evidence it would be too long", func(t *testing.T) {
		records := make([]audit.Record, 0, 100)
		for i := range 100 {
			records = append(records, record(noon.Add(time.Duration(i)*time.Second)))
		}
		value, err := audit.Annotation(records)
		require.NoError(t, err)
		require.LessOrEqual(t, len(value), audit.MaxAnnotationBytes)
		kept, err := audit.Parse(value)
		require.NoError(t, err)
		require.Equal(t, "2026-03-01T12:01:39Z", kept[0].Timestamp)
		require.Less(t, len(kept), 100)
	})
	t.Run("gives the same bytes for the same records", func(t *testing.T) {
		first, err := audit.Annotation([]audit.Record{record(noon, "a"), record(noon, "b")})
		require.NoError(t, err)
		second, err := audit.Annotation([]audit.Record{record(noon, "a"), record(noon, "b")})
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
	t.Run("names what can't be read", func(t *testing.T) {
		_, err := audit.Parse("[{")
		require.ErrorContains(t, err, "read audit annotation")
	})
}
