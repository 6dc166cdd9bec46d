package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

type applyOptions struct {
	files      []string
	kustomize  string
	recursive  bool
	local      bool
	assertive  bool
	force      bool
	maxRetries int
	timeout    time.Duration
	stable     time.Duration
	output     string
	rules      string
}

func newApply(connection *connection) *cobra.Command {
	var options applyOptions
	command := &cobra.Command{
		Use:   "apply -f FILE ... [--local]",
		Short: "Apply a manifest, watch it come up, and apply it again with the cure if it fails",
		Long: `Apply a manifest, watch it come up, and apply it again with the cure if it fails.

The manifest is applied server-side, under the field manager of kubectl apply --server-side. Its workloads are watched
until all of them run and went on running for a while (--stable-for), or one fails. A failure is diagnosed; after 2, 4
and then 8 seconds the manifest is applied again, at most --max-retries times. Where kube-remedy is installed, it is
waited until the event watcher has learned the cure, and the webhook puts it in. With --local the cure is found and put
in here, and nothing needs to be installed; the file is not changed (kubectl remedy heal does that).

What annotations of the workload and its namespace say holds. Cures that change what runs are not put in unless they
allow that, or --assertive is given with --local, or the remediation is approved.

The report is text, or with -o json:

  {final_status: SUCCESS or FAILED, total_attempts, execution_time_seconds,
   attempts: [{attempt_number, deployment_status: RUNNING, FAILED, TIMEOUT or REJECTED, healing_applied,
     remediation_details: {failure_type, root_cause, modifications, risk_level}, result}],
   healing_audit_trail: [audit records]}

remediation_details is the failure of the attempt with what was changed about it before the next, or what the attempt's
own apply put in if it did not fail. Progress and warnings go to standard error. The exit status is 0 only when
everything runs.`,
		Example: `  # With kube-remedy installed
  kubectl remedy apply -f web.yaml

  # Without, for a pipeline
  kubectl remedy apply -f deploy/ --local --max-retries 3 --timeout 5m -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := options.check(); err != nil {
				return err
			}
			return connection.apply(command.Context(), options)
		},
	}
	flags := command.Flags()
	flags.StringSliceVarP(&options.files, "filename", "f", nil, "manifest, directory or address to apply; - for standard input; may be repeated")
	flags.StringVarP(&options.kustomize, "kustomize", "k", "", "directory with a kustomization to apply")
	flags.BoolVarP(&options.recursive, "recursive", "R", false, "directories with what is below them")
	flags.BoolVar(&options.local, "local", false, "find cures here instead of waiting for kube-remedy's webhook")
	flags.BoolVar(&options.assertive, "assertive", false, "with --local: let cures through that change what runs")
	flags.BoolVar(&options.force, "force-conflicts", false, "take fields over that others manage")
	flags.IntVar(&options.maxRetries, "max-retries", 3, "how often to apply again at most")
	flags.DurationVar(&options.timeout, "timeout", 10*time.Minute, "how long all of it may take")
	flags.DurationVar(&options.stable, "stable-for", 10*time.Second, "how long workloads must go on running to count as running")
	flags.StringVar(&options.rules, "rules", "", rulesUsage)
	addOutput(command, &options.output)
	return command
}

func (o applyOptions) check() error {
	switch {
	case len(o.files) == 0 && o.kustomize == "":
		return errors.New("--filename is needed: a manifest to apply, or - for standard input")
	case len(o.files) > 0 && o.kustomize != "":
		return errors.New("give --filename or --kustomize, not both")
	case o.maxRetries < 0:
		return fmt.Errorf("--max-retries %d can't be less than 0", o.maxRetries)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout %s must be greater than 0", o.timeout)
	case o.assertive && !o.local:
		return errors.New("--assertive is for --local; otherwise approve the remediation, or kubectl remedy opt-in TYPE/NAME --allow assertive")
	}
	return checkOutput(o.output)
}

// Times of the loop.
const (
	pollEvery = time.Second
	// firstWait is before the first retry; each further one waits twice as long.
	firstWait = 2 * time.Second
	// learnWithin is how long the event watcher may take to learn a cure.
	learnWithin = 30 * time.Second
)

// applying is one run of apply.
type applying struct {
	*cluster
	options  applyOptions
	engine   *engine.Engine
	parts    []*part
	began    time.Time
	deadline time.Time
	report   applyReport
}

func (c *connection) apply(ctx context.Context, options applyOptions) error {
	known, err := loadRules(options.rules, c.streams.Err)
	if err != nil {
		return err
	}
	to, err := c.connect()
	if err != nil {
		return err
	}
	parts, err := to.parts(options)
	if err != nil {
		return err
	}
	if !options.local {
		if err := to.checkInstalled(ctx); err != nil {
			return err
		}
	}
	began := c.clock.Now()
	a := &applying{
		cluster: to, options: options, engine: engine.New(known), parts: parts, began: began, deadline: began.Add(options.timeout),
		report: applyReport{Attempts: []attempt{}, AuditTrail: []audit.Record{}},
	}
	stopped := a.run(ctx)
	a.report.finish(c.clock.Now().Sub(began))
	if options.output == "text" {
		err = a.report.tell(c.streams.Out)
	} else {
		err = printStructured(c.streams.Out, options.output, a.report)
	}
	switch {
	case stopped != nil:
		return stopped
	case err == nil && a.report.FinalStatus != succeeded:
		return Exit{Status: 1}
	}
	return err
}

// checkInstalled refuses to wait for cures that nobody would learn.
func (c *cluster) checkInstalled(ctx context.Context) error {
	_, err := c.remediations.Remediations(c.namespace).List(ctx, metav1.ListOptions{Limit: 1})
	switch {
	case apierrors.IsNotFound(err):
		return errNotInstalled
	case apierrors.IsForbidden(err):
		c.note("you may not list remediations in namespace %s: whether a cure was learned shows only at the next apply", c.namespace)
		return nil
	case err != nil:
		return fmt.Errorf("list remediations: %w", err)
	}
	return nil
}

// progress tells where the run is.
func (a *applying) progress(format string, args ...any) {
	fmt.Fprintf(a.streams.Err, format+"\n", args...)
}

// run deploys until everything runs or there are no retries left. An error is what keeps it from going on at all.
func (a *applying) run(ctx context.Context) error {
	pause := firstWait
	for retry := 0; ; retry++ {
		failures, err := a.attempt(ctx, retry+1)
		if err != nil {
			return err
		}
		this := &a.report.Attempts[retry]
		switch {
		case this.DeploymentStatus == running || this.DeploymentStatus == rejected || this.DeploymentStatus == timedOut:
			return nil
		case retry == a.options.maxRetries:
			this.Result += "; no retries are left"
			return nil
		case !a.clock.Now().Add(pause).Before(a.deadline):
			this.Result += "; there is no time for another attempt"
			return nil
		}
		a.progress("attempt %d failed: %s; trying again in %s", this.Number, this.Result, pause)
		if err := a.pause(ctx, pause); err != nil {
			return err
		}
		pause *= 2
		a.prepare(ctx, this, failures)
	}
}

// attempt deploys everything once and watches it.
func (a *applying) attempt(ctx context.Context, number int) ([]failure, error) {
	a.report.Attempts = append(a.report.Attempts, attempt{Number: number})
	this := &a.report.Attempts[number-1]
	var healed []audit.Record
	for _, part := range a.parts {
		records, err := a.applyPart(ctx, part)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			this.DeploymentStatus, this.Result = rejected, err.Error()
			return nil, nil //nolint:nilerr // the report says it, and another attempt may fare better
		}
		a.progress("%s applied", part.title())
		healed = append(healed, records...)
	}
	a.report.trail(healed)
	if number > 1 { // it is for the failure before
		a.report.Attempts[number-2].heal(healed)
	}
	failures, status, says, err := a.watch(ctx)
	if err != nil {
		return nil, err
	}
	this.DeploymentStatus, this.Result = status, says
	if status == running && number == 1 {
		this.heal(healed)
	}
	if len(failures) > 0 {
		finding := failures[0].Finding
		this.Details = &remediationDetails{
			FailureType: string(failures[0].FailureType), RootCause: finding.RootCause, RiskLevel: string(finding.RiskLevel),
			Modifications: []remedy.Modification{},
		}
		this.Result = tellFailures(failures)
	}
	return failures, nil
}

// applyPart applies one object.
func (a *applying) applyPart(ctx context.Context, part *part) ([]audit.Record, error) {
	if err := a.takeOver(ctx, part); err != nil {
		return nil, err
	}
	a.rememberRuns(ctx, part)
	return a.deploy(ctx, part, a.options.force)
}

// tellFailures says what failed and why, the surest first.
func tellFailures(failures []failure) string {
	var said []string
	for _, failure := range failures {
		said = append(said, fmt.Sprintf("%s: %s: %s", failure.part.title(), failure.FailureType, failure.Finding.RootCause))
	}
	return strings.Join(said, "; ")
}

// prepare sees to it that the next apply can heal, or says why it can't.
func (a *applying) prepare(ctx context.Context, this *attempt, failures []failure) {
	prepared := map[*part]bool{}
	for _, failure := range failures {
		var reason string
		if a.options.local {
			reason = failure.part.cures.prescribe(failure.part, failure, a.policyFor(ctx, failure.part), a.options.assertive, a.clock.Now())
		} else if !prepared[failure.part] {
			prepared[failure.part] = true
			reason = a.awaitCure(ctx, failure.part)
		}
		if reason != "" {
			this.Result += "; no cure for " + failure.part.title() + ": " + reason
			a.progress("no cure for %s: %s", failure.part.title(), reason)
		}
	}
}
