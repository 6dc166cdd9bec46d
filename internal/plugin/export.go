package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/manifest"
)

type exportOptions struct {
	output  string
	file    string
	message bool
	inPlace bool
}

func newExport(connection *connection) *cobra.Command {
	var options exportOptions
	command := &cobra.Command{
		Use:   "export NAME|TYPE/NAME -o patch|kustomize|manifest|diff|helm-values [-f FILE]",
		Short: "Bring a cure back to where the manifest is kept",
		Long: `Bring a cure back to where the manifest is kept, so that it is written down and not put in at each apply.

  patch        a JSON patch (RFC 6902) for the manifest
  kustomize    a kustomization with the patch for the workload: strategic where the kind allows that, so that
               containers are found by name, and else a JSON patch
  manifest     FILE is changed in place; comments, order and formatting of all other lines stay. With -f - it is read
               from standard input and written to standard output. With --message a commit message is printed
  diff         what manifest would change in FILE
  helm-values  values for helm upgrade -f, after FILE, which has the values of the release. Only where it is evident
               which value is meant: one named resources, image or as a probe that says what the container has, and
               that is of the whole chart or named as the workload or container. Anything else is refused. With
               --in-place FILE is changed as manifest changes one

The cure is resolved against FILE; without -f against what kubectl apply kept of the manifest, or the object in the
cluster. Once the manifest has it, nothing is left to put in, and who applies it is not warned any more.

The exit status is 0 when there is a change, 1 for an error, and 3 when the manifest needs none.`,
		Example: `  kubectl remedy export deployment/web -o patch

  # Into Git, with a message that says why
  kubectl remedy export deployment/web -o manifest -f web.yaml --message | git commit -F - web.yaml

  # Into the values of a Helm release
  kubectl remedy export deployment/web -o helm-values -f values.yaml --in-place --message | git commit -F - values.yaml

  # Beside a base that is not yours
  kubectl remedy export deployment/web -o kustomize > kustomization.yaml`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			if err := options.check(); err != nil {
				return err
			}
			return connection.export(command.Context(), args[0], options)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&options.output, "output", "o", "patch", "patch, kustomize, manifest, diff or helm-values")
	flags.StringVarP(&options.file, "filename", "f", "", "the manifest, or the values; - for standard input")
	flags.BoolVar(&options.message, "message", false, "when a file is changed: print a commit message")
	flags.BoolVar(&options.inPlace, "in-place", false, "with -o helm-values: change the file of values")
	completeFlag(command, "output", exportFormats...)
	return command
}

var exportFormats = []string{"patch", "kustomize", "manifest", "diff", "helm-values"}

func (o exportOptions) check() error {
	helm := o.output == "helm-values"
	changes := o.output == "manifest" || helm && o.inPlace
	switch {
	case !slices.Contains(exportFormats, o.output):
		return fmt.Errorf("--output %q must be patch, kustomize, manifest, diff or helm-values", o.output)
	case (changes || o.output == "diff") && o.file == "":
		return fmt.Errorf("--filename is needed for -o %s: the manifest that the cure goes into", o.output)
	case helm && o.file == "":
		return errors.New("--filename is needed for -o helm-values: the values of the release, as helm get values --all RELEASE -o yaml prints them")
	case o.inPlace && !helm:
		return errors.New("--in-place is for -o helm-values; -o manifest changes its file by itself")
	case o.message && (!changes || o.file == "-"):
		return errors.New("--message is for -o manifest, or -o helm-values --in-place, with a file: standard output has room for one thing only")
	}
	return nil
}

// exported is a cure that goes into a manifest.
type exported struct {
	before        map[string]any
	after         map[string]any
	operations    []remedy.Operation
	modifications []remedy.Modification
	cures         []*v1alpha1.Remediation // that change something
}

// take adds what a cure changes.
func (e *exported) take(cure *v1alpha1.Remediation, template remedy.Template) (reason string, err error) {
	resolved := remedy.ResolveAt(cure.Spec.Actions, e.after, template)
	if resolved.Fit != remedy.Changes {
		return unfit(resolved), nil
	}
	after, err := patched(e.after, resolved.Operations)
	if err != nil {
		return "", fmt.Errorf("remediation %s: %w", cure.Name, err)
	}
	e.after = after
	e.operations = append(e.operations, resolved.Operations...)
	e.modifications = append(e.modifications, resolved.Modifications...)
	e.cures = append(e.cures, cure)
	return "", nil
}

func (c *connection) export(ctx context.Context, argument string, options exportOptions) error {
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "reading remediations")
	defer waiting.end()
	cures, err := to.find(ctx, []string{argument})
	if err != nil {
		return err
	}
	named, err := parseReference(argument)
	if err != nil {
		return err
	}
	cures = slices.DeleteFunc(cures, func(cure *v1alpha1.Remediation) bool {
		if !named.remediation() && modeOf(cure) == v1alpha1.Suggest && len(cure.Spec.Actions) > 0 {
			to.note("remediation %s is left out: it is only suggested; name it to export it", cure.Name)
			return true
		}
		left := len(cure.Spec.Actions) == 0 || cure.Status.Phase == v1alpha1.PhaseFailed || cure.Status.Phase == v1alpha1.PhaseExpired
		if left {
			to.note("remediation %s is left out: %s", cure.Name, outcomeOf(cure))
		}
		return left
	})
	if len(cures) == 0 {
		return fmt.Errorf("there is no cure for %s to export", argument)
	}
	if options.output == "helm-values" {
		return to.exportValues(ctx, cures, options)
	}
	if options.file != "" {
		return to.exportFile(cures, options)
	}
	live, exists, err := to.target(ctx, cures[0])
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%s is not there in namespace %s; give its manifest with -f FILE", targetOf(cures[0]), cures[0].Namespace)
	}
	before := owned(live.Object)
	if lastApplied(live.Object) == nil && slices.ContainsFunc(cures, func(cure *v1alpha1.Remediation) bool { return carries(live.Object, cure.Name) }) {
		return fmt.Errorf("%s carries the cure, and kubectl apply kept nothing of its manifest to compare with; give it with -f FILE", live.title())
	}
	change, err := to.resolveAll(cures, before)
	if err != nil {
		return err
	}
	return to.printExported(change, options)
}

// resolveAll resolves cures against a manifest, one after the other.
func (c *cluster) resolveAll(cures []*v1alpha1.Remediation, before map[string]any) (*exported, error) {
	change := &exported{before: before, after: before}
	for _, cure := range cures {
		reason, err := change.take(cure, remedy.TemplateOf(before))
		if err != nil {
			return nil, err
		}
		if reason != "" {
			c.note("remediation %s changes nothing: %s", cure.Name, reason)
		}
	}
	return change, nil
}

func (c *cluster) printExported(change *exported, options exportOptions) error {
	if len(change.operations) == 0 {
		return Exit{Status: exitNothing}
	}
	if options.output == "kustomize" {
		text, err := kustomization(change)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(c.streams.Out, text)
		return err
	}
	return printStructured(c.streams.Out, "json", change.operations)
}

// exportFile puts cures into the file of the user.
func (c *cluster) exportFile(cures []*v1alpha1.Remediation, options exportOptions) error {
	data, err := readOne("--filename", options.file, c.streams.In)
	if err != nil {
		return err
	}
	file, err := manifest.Parse(data)
	if err != nil {
		return fmt.Errorf("--filename %s: %w", options.file, err)
	}
	at := slices.IndexFunc(file.Objects(), func(object *manifest.Object) bool { return isTarget(object.Value, cures[0]) })
	if at < 0 {
		return fmt.Errorf("--filename %s: %s of namespace %s is not in it", options.file, targetOf(cures[0]), cures[0].Namespace)
	}
	object := file.Objects()[at]
	change, err := c.resolveAll(cures, object.Value)
	if err != nil {
		return err
	}
	if options.output == "patch" || options.output == "kustomize" || len(change.operations) == 0 {
		return c.printExported(change, options)
	}
	if err := object.Apply(change.operations); err != nil {
		return fmt.Errorf("--filename %s: %w", options.file, err)
	}
	if options.output == "diff" {
		return printDiff(c.streams.Out, options.file, data, file.Bytes(), colored(c.streams.Out))
	}
	return c.replace(options, file.Bytes(), change)
}

// replace writes a changed file where it came from, and says what was changed.
func (c *cluster) replace(options exportOptions, data []byte, change *exported) error {
	if options.file == "-" {
		_, err := c.streams.Out.Write(data)
		return err
	}
	if err := replaceFile(options.file, data); err != nil {
		return fmt.Errorf("--filename: %w", err)
	}
	if options.message {
		_, err := fmt.Fprint(c.streams.Out, commitMessage(change))
		return err
	}
	fmt.Fprintf(c.streams.Out, "%s: %s\n", options.file, words(change.modifications))
	return nil
}

// isTarget reports whether an object of a manifest is the workload of a Remediation.
func isTarget(object map[string]any, cure *v1alpha1.Remediation) bool {
	metadata, _ := object["metadata"].(map[string]any)
	version, _ := object["apiVersion"].(string)
	ref := cure.Spec.TargetRef
	named := metadata["name"] == ref.Name
	switch {
	case ref.GenerateName != "":
		named = metadata["generateName"] == ref.GenerateName
	case ref.AppName != "": // the name may be a placeholder there
		labels, _ := metadata["labels"].(map[string]any)
		named = labels[v1alpha1.AppNameLabel] == ref.AppName
	}
	return object["kind"] == ref.Kind && named &&
		schema.FromAPIVersionAndKind(version, "").Group == schema.FromAPIVersionAndKind(ref.APIVersion, "").Group &&
		(metadata["namespace"] == nil || metadata["namespace"] == "" || metadata["namespace"] == cure.Namespace)
}

// replaceFile writes a file anew, so that whoever reads it sees the old or the new one whole. A link stays one.
func replaceFile(name string, data []byte) error {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	was, err := os.Stat(path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) //nolint:errcheck // it is there only when something went wrong
	_, err = next.Write(data)
	if err = errors.Join(err, next.Chmod(was.Mode().Perm()), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}

// commitMessage says what is changed and why, in lines that Git likes.
func commitMessage(change *exported) string {
	first := change.cures[0]
	var page strings.Builder
	title := ""
	for _, what := range []string{words(change.modifications), remedy.Describe(first.Spec.Actions), "cure " + string(first.Spec.FailureType)} {
		if title = strings.ToLower(targetOf(first)) + ": " + what; utf8.RuneCountInString(title) <= 72 {
			break
		}
	}
	fmt.Fprintf(&page, "%s\n", title)
	for _, cure := range change.cures {
		fmt.Fprintf(&page, "\n")
		if diagnosis := cure.Status.Diagnosis; diagnosis != nil {
			fmt.Fprintf(&page, "%s, %d times: %s (confidence %d%%).\n", cure.Spec.FailureType, cure.Status.Observed.Occurrences, oneLine(diagnosis.RootCause), diagnosis.Confidence)
			for _, cited := range diagnosis.Evidence {
				fmt.Fprintf(&page, "- %s: %s\n", oneLine(cited.Source), oneLine(cited.Text))
			}
		}
		fmt.Fprintf(&page, "Outcome: %s.\n", cmp.Or(string(cure.Status.Phase), "unknown"))
	}
	page.WriteString("\n")
	for _, modification := range change.modifications {
		fmt.Fprintf(&page, "%s: %s → %s\n", modification.Field, orNone(modification.OldValue), orNone(modification.NewValue))
	}
	for _, cure := range change.cures {
		fmt.Fprintf(&page, "\nRemediation: %s/%s\n", cure.Namespace, cure.Mark())
	}
	return page.String()
}

// encoded writes a value as indented JSON.
func encoded(value any) (string, error) {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	return string(data), nil
}
