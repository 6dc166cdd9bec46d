// Package offline repeats diagnosis and healing of scenarios without a cluster, with the commands of kubectl remedy and
// the evidence that a run on a node captured.
//
// It promises nothing about pods that run in the end; only a node can tell that.
package offline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// The exit statuses of kubectl remedy heal.
const (
	healed    = 0
	suggested = 2
	nothing   = 3
)

// Run diagnoses and heals one scenario.
func Run(scenario *scenarios.Scenario) *runner.Outcome {
	began := time.Now()
	outcome := &runner.Outcome{Scenario: scenario}
	if err := run(outcome); err != nil {
		outcome.Problem("%v", err)
	}
	outcome.Took = time.Since(began)
	return outcome
}

func run(o *runner.Outcome) error {
	if _, err := os.Stat(o.Evidence()); err != nil {
		return errors.New("no run on a node has captured its evidence")
	}
	if err := diagnose(o); err != nil {
		return err
	}
	return heal(o)
}

// found is what diagnose tells of a failure.
type found struct {
	Workload    string `json:"workload"`
	Container   string `json:"container"`
	FailureType string `json:"failure_type"`
	RootCauseID string `json:"root_cause_id"`
	Confidence  int    `json:"confidence"`
}

func diagnose(o *runner.Outcome) error {
	printed, _, status, err := remedy("diagnose", "-f", o.Evidence(), "-o", "json")
	if err != nil || status != 0 {
		return fmt.Errorf("diagnose: status %d: %w", status, err)
	}
	var all []found
	if err := json.Unmarshal([]byte(printed), &all); err != nil {
		return fmt.Errorf("diagnose: %w", err)
	}
	ours := slices.DeleteFunc(all, func(f found) bool { return f.Workload != o.Owner })
	if o.FailureType == "" {
		if o.Detected = len(ours) == 0; !o.Detected {
			o.Problem("a failure was found where there is none: %+v", ours[0])
		}
		o.CauseRight, o.PlaceRight = o.Detected, o.Detected
		return nil
	}
	points := func(f found) int {
		sum := 0
		for worth, holds := range []bool{f.RootCauseID == o.RootCause, f.Container == o.Container, f.FailureType == string(o.FailureType)} {
			if holds {
				sum += 1 << worth
			}
		}
		return sum
	}
	if len(ours) == 0 {
		o.Problem("no failure was found")
		return nil
	}
	best := slices.MaxFunc(ours, func(a, b found) int { return points(a) - points(b) })
	o.Found = fmt.Sprintf("%s %s (%d%%) %s", best.FailureType, best.RootCauseID, best.Confidence, best.Container)
	o.Detected = best.FailureType == string(o.FailureType)
	o.CauseRight = o.Detected && best.RootCauseID == o.RootCause
	o.PlaceRight = best.Container == o.Container
	if !o.Detected || !o.CauseRight || !o.PlaceRight {
		o.Problem("found %s instead of %s %s %s", o.Found, o.FailureType, o.RootCause, o.Container)
	}
	return nil
}

func heal(o *runner.Outcome) error {
	args := []string{"heal", "-f", o.Broken(), "--evidence", o.Evidence()}
	if _, err := os.Stat(o.Answers()); err == nil {
		args = append(args, "--answers", o.Answers())
	}
	if o.Healing == scenarios.Assertive || o.Prepare.AllowAssertive {
		args = append(args, "--assertive")
	}
	printed, told, status, err := remedy(args...)
	if err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	before, err := o.Objects()
	if err != nil {
		return err
	}
	after, err := scenarios.Documents([]byte(printed))
	if err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	if len(after) != len(before) {
		return fmt.Errorf("heal: %d objects became %d", len(before), len(after))
	}
	for i, object := range before {
		differences := scenarios.FieldsOf(object).Differences(scenarios.FieldsOf(after[i]))
		o.Changed = append(o.Changed, o.Wrong(scenarios.IDOf(object), differences)...)
	}
	if len(o.Changed) > 0 {
		o.Problem("wrongly changed: %s", strings.Join(o.Changed, "; "))
	}
	why := strings.Join(strings.Fields(told), " ")
	switch {
	case o.Heals() && status == healed:
		o.HealedAt = 1
	case o.Heals():
		o.Problem("it was not healed: %s", why)
	case o.Healing == scenarios.Suggestion && status != suggested:
		o.Problem("nothing was suggested: %s", why)
	case o.Healing == scenarios.None && status != suggested && status != nothing:
		o.Problem("it was healed: %s", why)
	}
	return nil
}

// remedy runs a command of kubectl remedy.
func remedy(args ...string) (printed, told string, status int, err error) {
	var out, errs bytes.Buffer
	command := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, clock.RealClock{})
	command.SetArgs(args)
	err = command.Execute()
	var exit plugin.Exit
	if errors.As(err, &exit) {
		return out.String(), errs.String(), exit.Status, nil
	}
	return out.String(), errs.String(), 0, err
}
