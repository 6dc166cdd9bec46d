package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/manifest"
)

// The exit statuses of heal beside 0 for healed and 1 for an error.
const (
	exitSuggested = 2
	exitNothing   = 3
)

type healOptions struct {
	files, evidence []string
	answers         []string
	podTemplates    []string
	output          string
	color           string
	rules           string
	assertive       bool
}

func newHeal(streams Streams, now func() time.Time) *cobra.Command {
	var options healOptions
	command := &cobra.Command{
		Use:   "heal -f MANIFEST [--evidence FILE]",
		Short: "Put the cure of a failure into a manifest",
		Long: `Put the cure of a failure into a manifest.

The evidence is diagnosed against the manifest, and the manifest printed with the cure in it; comments, order and
formatting of all other lines stay. Evidence is any text that diagnose reads; without --evidence the manifest itself
is read as evidence, as kubectl get -o yaml prints it with its pods. No cluster is asked.

What changes what runs (another image, reference, command, or target of a probe) is only suggested, unless the
manifest has the annotation kube-remedy.io/allow: assertive or --assertive is given. What annotations of the workload
say holds here too, and of its Namespace if that is in a manifest: bounds, kube-remedy.io/failure-types, and
kube-remedy.io/mode, with which suggest tells what would be done, and off leaves the workload as it is. To heal it
nevertheless, change them.

The exit status is 0 when something was healed, 1 for an error, 2 when there are only suggestions, and 3 when there
is nothing to do. What was done and why is told on standard error.`,
		Example: `  # See what would change
  kubectl describe pods -l app=web | kubectl remedy heal -f web.yaml --evidence - -o diff

  # Heal what is applied
  kubectl remedy heal -f web.yaml --evidence pod.txt | kubectl apply -f -

  # Tell it which tags there are, so that it can replace one that is missing
  echo '{repositories: [{name: docker.io/library/nginx, exists: true, tags: [1.27.1, 1.27.2]}]}' > tags.yaml
  kubectl remedy heal -f web.yaml --evidence pod.txt --answers tags.yaml --assertive -o diff

  # Heal what runs, by a JSON patch
  kubectl patch deployment web --type json -p "$(kubectl remedy heal -f web.yaml --evidence pod.txt -o patch)"`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return heal(options, streams, now)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&options.files, "filename", "f", nil, "manifest to heal; - for standard input; may be repeated")
	flags.StringArrayVar(&options.evidence, "evidence", nil, "file with text that shows the failure; - for standard input; may be repeated")
	flags.StringArrayVar(&options.answers, "answers", nil,
		"YAML file with what the evidence can't say: repositories, objects, answers, entrypoints and images ; may be repeated")
	flags.StringArrayVar(&options.podTemplates, "pod-template", nil,
		"KIND[.GROUP]=PATH: where objects of a kind have their pod template, as ScaledJob.keda.sh=spec.jobTargetRef.template; other kinds that are not Kubernetes' own have it at spec.template; may be repeated")
	flags.StringVarP(&options.output, "output", "o", "yaml",
		"yaml: the manifest; patch: a JSON patch, one line for each object that changes; diff; json: all that was found and done, with audit records")
	flags.StringVar(&options.color, "color", "auto", "color of a diff: auto, always or never; auto also minds NO_COLOR")
	flags.BoolVar(&options.assertive, "assertive", false, "let fixes through that change what runs")
	flags.StringVar(&options.rules, "rules", "", rulesUsage)
	return command
}

// healed is an object of a manifest with what was found about it.
type healed struct {
	*manifest.Object
	template   remedy.Template
	allowed    policy
	applied    []v1alpha1.Action
	operations []remedy.Operation
	records    []audit.Record
	outcomes   []outcome
}

// outcome is what became of one diagnosis.
type outcome struct {
	diagnosis  engine.Diagnosis
	prescribed engine.Prescription
	changed    bool
	reason     string // why nothing was changed
	left       bool   // the owner wants it left alone
}

func heal(options healOptions, streams Streams, now func() time.Time) error {
	if err := options.check(); err != nil {
		return err
	}
	templates, err := parseTemplates(options.podTemplates)
	if err != nil {
		return err
	}
	known, err := loadRules(options.rules, streams.Err)
	if err != nil {
		return err
	}
	var files []*manifest.File
	var before [][]byte
	var objects []*healed
	for _, name := range options.files {
		data, err := readOne("--filename", name, streams.In)
		if err != nil {
			return err
		}
		file, err := manifest.Parse(data)
		if err != nil {
			return fmt.Errorf("--filename %s: %w", name, err)
		}
		files, before = append(files, file), append(before, data)
		for _, object := range file.Objects() {
			objects = append(objects, &healed{Object: object, template: templates.of(object.Value)})
		}
	}
	seen := bytes.Join(before, []byte("\n---\n"))
	if len(options.evidence) > 0 {
		if seen, err = readAll("--evidence", options.evidence, streams.In); err != nil {
			return err
		}
	}
	told, err := readAnswers(options.answers, streams.In)
	if err != nil {
		return err
	}
	for _, object := range objects {
		object.allowed = policyOf(ourAnnotations(object.Value), ourAnnotations(namespaceOf(object, objects)))
		for _, one := range object.allowed.ignored {
			fmt.Fprintf(streams.Err, "warning: %s: %s\n", object.title(), one)
		}
	}
	astray := healAll(engine.New(known), text.Parse(seen, now()), told, objects, options.assertive, now())
	for _, diagnosis := range astray {
		fmt.Fprintf(streams.Err, "warning: %s of %s is not about any object of the manifest: %s\n",
			diagnosis.FailureType, titleOf(diagnosis), diagnosis.Finding.RootCause)
	}
	if options.output != "json" {
		tellHealed(streams.Err, objects)
	}
	if err := options.print(streams.Out, files, before, objects); err != nil {
		return err
	}
	return statusOf(objects)
}

func (o healOptions) check() error {
	switch {
	case len(o.files) == 0:
		return errors.New("--filename is needed: a manifest to heal, or - for standard input")
	case !slices.Contains([]string{"yaml", "patch", "diff", "json"}, o.output):
		return fmt.Errorf("--output %q must be yaml, patch, diff or json", o.output)
	case !slices.Contains([]string{"auto", "always", "never"}, o.color):
		return fmt.Errorf("--color %q must be auto, always or never", o.color)
	case len(slices.DeleteFunc(slices.Concat(o.files, o.evidence, o.answers), func(name string) bool { return name != "-" })) > 1:
		return errors.New("standard input can be read once: only one of --filename, --evidence and --answers may be -")
	}
	return nil
}

// healAll diagnoses observations against the objects and changes those that can be healed. It gives the diagnoses
// that are about none of them.
func healAll(with *engine.Engine, observations evidence.Observations, told evidence.Answers, objects []*healed, assertive bool, now time.Time) []engine.Diagnosis {
	var astray []engine.Diagnosis
	for _, observed := range observations.Collect() {
		object := aboutWhich(observed.Workload, objects)
		if object != nil {
			complete(&observed, object)
			told.AddTo(&observed)
		}
		for _, diagnosis := range with.Diagnose(observed) {
			if object == nil {
				astray = append(astray, diagnosis)
				continue
			}
			object.heal(diagnosis, observed, assertive, now)
		}
	}
	return astray
}

// heal changes the object by what is prescribed for a diagnosis, if that needs no one's consent.
func (h *healed) heal(diagnosis engine.Diagnosis, observed evidence.Evidence, assertive bool, now time.Time) {
	became := outcome{diagnosis: diagnosis}
	defer func() { h.outcomes = append(h.outcomes, became) }()
	if became.reason = h.allowed.refuses(diagnosis.FailureType); became.reason != "" {
		became.left = true
		return
	}
	prescribed, err := engine.Prescribe(diagnosis, observed, engine.Situation{
		Object: h.Value, Template: h.template, InForce: h.applied, Namespace: h.allowed.namespace, Install: engine.Allowance{Assertive: assertive},
	})
	if err != nil {
		became.reason = err.Error()
		return
	}
	if h.allowed.mode == v1alpha1.ModeSuggest {
		prescribed.Mode, prescribed.Reason = v1alpha1.Suggest, h.allowed.says()
	}
	became.prescribed = prescribed
	if prescribed.Mode != v1alpha1.Heal {
		became.reason = prescribed.Reason
		return
	}
	resolved := remedy.ResolveAt(prescribed.Actions, h.Value, h.template)
	if resolved.Fit == remedy.InEffect {
		became.reason = "the manifest has it already"
		return
	}
	if err := h.Apply(resolved.Operations); err != nil {
		became.reason = err.Error()
		return
	}
	became.changed = true
	h.applied = append(h.applied, prescribed.Actions...)
	h.operations = append(h.operations, resolved.Operations...)
	learned := metav1.NewTime(now)
	h.records = append(h.records, audit.NewRecord(&v1alpha1.Remediation{
		Spec:   v1alpha1.RemediationSpec{FailureType: diagnosis.FailureType},
		Status: v1alpha1.RemediationStatus{Diagnosis: &diagnosis.Finding, LearnedAt: &learned},
	}, resolved.Modifications))
}

// statusOf is the exit status that the outcomes come to.
func statusOf(objects []*healed) error {
	suggested := false
	for _, object := range objects {
		for _, became := range object.outcomes {
			if became.changed {
				return nil
			}
			suggested = suggested || len(became.prescribed.Actions) > 0 && became.prescribed.Mode == v1alpha1.Suggest
		}
	}
	if suggested {
		return Exit{Status: exitSuggested}
	}
	return Exit{Status: exitNothing}
}

// tellHealed writes what was done and why, for a person.
func tellHealed(out io.Writer, objects []*healed) {
	found := false
	for _, object := range objects {
		for _, became := range object.outcomes {
			found = true
			cause := fmt.Sprintf("%s: %s (confidence %d%%)", became.diagnosis.FailureType, became.diagnosis.Finding.RootCause, became.diagnosis.Finding.Confidence)
			does := remedy.Describe(became.prescribed.Actions)
			switch {
			case became.left:
				fmt.Fprintf(out, "left %s as it is, though it has %s: %s; to have it healed, change that\n", object.title(), became.diagnosis.FailureType, became.reason)
			case became.changed:
				fmt.Fprintf(out, "healed %s: %s\n  %s\n", object.title(), does, cause)
			case does != "":
				fmt.Fprintf(out, "suggested for %s: %s\n  %s\n  not done: %s\n", object.title(), does, cause, became.reason)
			default:
				fmt.Fprintf(out, "nothing done to %s\n  %s\n  no remedy: %s\n", object.title(), cause, became.reason)
				for i, fix := range became.diagnosis.Finding.SuggestedFixes {
					fmt.Fprintf(out, "  %d. %s\n", i+1, fix.Description)
				}
			}
			for _, refusal := range became.prescribed.Refused {
				fmt.Fprintf(out, "  note: %s\n", refusal)
			}
		}
	}
	if !found {
		fmt.Fprintln(out, "no failure found of anything in the manifest")
	}
}

func (h *healed) title() string {
	title := h.kind() + "/" + h.name()
	if namespace := h.metadata("namespace"); namespace != "" {
		title += " in namespace " + namespace
	}
	return title
}

func (h *healed) kind() string { kind, _ := h.Value["kind"].(string); return kind }
func (h *healed) name() string { return h.metadata("name") }

func (h *healed) metadata(field string) string {
	metadata, _ := h.Value["metadata"].(map[string]any)
	text, _ := metadata[field].(string)
	return text
}

func titleOf(diagnosis engine.Diagnosis) string {
	if diagnosis.Workload.Kind == "" {
		return "a workload without a name"
	}
	return strings.TrimSuffix(diagnosis.Workload.Kind+"/"+diagnosis.Workload.Name, "/")
}
