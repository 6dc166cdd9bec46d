// Package audit writes and reads the record of what was done to an object and why. The record has one JSON
// shape wherever it stands: annotation, report or log.
//
// Everything in a record comes from the Remediation and the object, never from a clock, so writing it again
// gives the same bytes.
package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// MaxAnnotationBytes bounds the audit annotation. All annotations of an object together may take 256 KiB
// (k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB); an audit trail has no claim to more than
// a small part of that.
const MaxAnnotationBytes = 8 << 10

// Record says what was done for one failure.
type Record struct {
	FailureType   v1alpha1.FailureType  `json:"failure_type"`
	RootCause     string                `json:"root_cause"`
	Confidence    int32                 `json:"confidence"`
	Evidence      []string              `json:"evidence"`
	Modifications []remedy.Modification `json:"modifications"`
	RiskLevel     v1alpha1.RiskLevel    `json:"risk_level"`
	// Timestamp is when the fix was learned: RFC 3339 in UTC, to the second.
	Timestamp string `json:"timestamp"`
}

// NewRecord describes the modifications made for a Remediation, which must be in force.
func NewRecord(remediation *v1alpha1.Remediation, modifications []remedy.Modification) Record {
	status := remediation.Status
	record := Record{
		FailureType:   remediation.Spec.FailureType,
		RootCause:     status.Diagnosis.RootCause,
		Confidence:    status.Diagnosis.Confidence,
		Evidence:      []string{},
		Modifications: modifications,
		RiskLevel:     status.Diagnosis.RiskLevel,
		Timestamp:     status.LearnedAt.UTC().Format(time.RFC3339),
	}
	for _, cited := range status.Diagnosis.Evidence {
		record.Evidence = append(record.Evidence, cited.Source+": "+cited.Text)
	}
	return record
}

// Annotation writes records as the value of the audit annotation, the newest first. Records that are too many
// for MaxAnnotationBytes are shortened by their evidence first, then the oldest are left out.
func Annotation(records []Record) (string, error) {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b Record) int {
		switch {
		case a.Timestamp > b.Timestamp:
			return -1
		case a.Timestamp < b.Timestamp:
			return 1
		default:
			return 0
		}
	})
	value, err := json.Marshal(records)
	if err != nil {
		return "", fmt.Errorf("encode audit records: %w", err)
	}
	for i := len(records) - 1; i >= 0 && len(value) > MaxAnnotationBytes; i-- {
		records[i].Evidence = []string{}
		if value, err = json.Marshal(records); err != nil {
			return "", fmt.Errorf("encode audit records: %w", err)
		}
	}
	for len(value) > MaxAnnotationBytes {
		records = records[:len(records)-1]
		if value, err = json.Marshal(records); err != nil {
			return "", fmt.Errorf("encode audit records: %w", err)
		}
	}
	return string(value), nil
}

// Parse reads the value of an audit annotation.
func Parse(value string) ([]Record, error) {
	var records []Record
	if err := json.Unmarshal([]byte(value), &records); err != nil {
		return nil, fmt.Errorf("read audit annotation: %w", err)
	}
	return records, nil
}
