package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func newCatalog(streams Streams) *cobra.Command {
	var output, rules string
	command := &cobra.Command{
		Use:   "catalog [ID]",
		Short: "List and explain what kube-remedy recognises: signatures and causes",
		Example: `  # Everything, a line each
  kubectl remedy catalog

  # One signature or cause
  kubectl remedy catalog heap-larger-than-limit`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "json", "yaml", "markdown"}, output) {
				return fmt.Errorf("--output %q must be text, json, yaml or markdown", output)
			}
			known, err := loadRules(rules, streams.Err)
			if err != nil {
				return err
			}
			listed := listCatalog(known)
			if len(args) == 1 {
				if listed = listed.only(args[0]); len(listed.Signatures)+len(listed.Causes) == 0 {
					return fmt.Errorf("there is no signature and no cause %q; kubectl remedy catalog lists them", args[0])
				}
			}
			switch output {
			case "text":
				return listed.printText(streams.Out, len(args) == 1)
			case "markdown":
				return listed.printMarkdown(streams.Out)
			default:
				return printStructured(streams.Out, output, listed)
			}
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "text", "text, json, yaml or markdown")
	command.Flags().StringVar(&rules, "rules", "", rulesUsage)
	return command
}

// listing is the catalogue as programs read it.
type listing struct {
	Signatures []signatureListing `json:"signatures"`
	Causes     []causeListing     `json:"causes"`
}

type signatureListing struct {
	ID          string   `json:"id"`
	FailureType string   `json:"failure_type,omitempty"`
	Role        string   `json:"role"`
	Places      []string `json:"places"`
	State       []string `json:"state,omitempty"`
	Type        []string `json:"type,omitempty"`
	Status      []string `json:"status,omitempty"`
	Reason      []string `json:"reason,omitempty"`
	ExitCode    []int32  `json:"exit_code,omitempty"`
	Text        []string `json:"text,omitempty"`
	IgnoreCase  bool     `json:"ignore_case,omitempty"`
	Regexp      string   `json:"regexp,omitempty"`
	Not         string   `json:"not,omitempty"`
	Alone       bool     `json:"alone,omitempty"`
	Outside     bool     `json:"outside,omitempty"`
	Weight      float64  `json:"weight,omitempty"`
	Source      string   `json:"source"`
	Origin      string   `json:"origin"`
}

type causeListing struct {
	ID             string            `json:"id"`
	FailureType    string            `json:"failure_type"`
	Sentence       string            `json:"sentence"`
	Signatures     []string          `json:"signatures"`
	When           string            `json:"when,omitempty"`
	Confidence     float64           `json:"confidence,omitempty"`
	Supports       []weightedListing `json:"supports,omitempty"`
	Contradictions []weightedListing `json:"contradictions,omitempty"`
	Generic        bool              `json:"generic,omitempty"`
	Over           []string          `json:"over,omitempty"`
	SuggestedFixes []fixReport       `json:"suggested_fixes"`
	Origin         string            `json:"origin"`
}

type weightedListing struct {
	When   string  `json:"when"`
	Weight float64 `json:"weight"`
}

func listCatalog(known *catalog.Catalog) listing {
	listed := listing{Signatures: []signatureListing{}, Causes: []causeListing{}}
	for _, signature := range known.Signatures() {
		item := signatureListing{
			ID: signature.ID, FailureType: string(signature.FailureType), Role: string(signature.Role),
			State: signature.State, Type: signature.Type, Status: signature.Status, Reason: signature.Reason, ExitCode: signature.ExitCode,
			Text: signature.Text, IgnoreCase: signature.IgnoreCase, Alone: signature.Alone, Outside: signature.Outside, Weight: signature.Weight,
			Source: signature.Source, Origin: signature.Origin,
		}
		for _, place := range signature.Places {
			item.Places = append(item.Places, string(place))
		}
		if signature.Regexp != nil {
			item.Regexp = signature.Regexp.String()
		}
		if signature.Not != nil {
			item.Not = signature.Not.String()
		}
		listed.Signatures = append(listed.Signatures, item)
	}
	for _, cause := range known.Causes() {
		listed.Causes = append(listed.Causes, listCause(cause))
	}
	return listed
}

func listCause(cause *catalog.Cause) causeListing {
	item := causeListing{
		ID: cause.ID, FailureType: string(cause.FailureType), Sentence: cause.Sentence.Text, Signatures: cause.Signatures,
		Confidence: cause.Confidence, Generic: cause.Generic, Over: cause.Over, Origin: cause.Origin,
	}
	if cause.When != nil {
		item.When = cause.When.Text
	}
	for _, support := range cause.Supports {
		item.Supports = append(item.Supports, weightedListing{When: support.When.Text, Weight: support.Weight})
	}
	for _, contradiction := range cause.Contradictions {
		item.Contradictions = append(item.Contradictions, weightedListing{When: contradiction.When.Text, Weight: contradiction.Weight})
	}
	priorities := [...]string{"PRIMARY", "SECONDARY", "TERTIARY"}
	for i, fix := range cause.Fixes {
		item.SuggestedFixes = append(item.SuggestedFixes, fixReport{
			Priority: priorities[min(i, len(priorities)-1)], Action: fix.Action, Description: fix.Text.Text,
			Remedy: slices.Contains(remedy.Actions(), fix.Action),
		})
	}
	return item
}

// only gives what has the id.
func (l listing) only(id string) listing {
	return listing{
		Signatures: slices.DeleteFunc(l.Signatures, func(s signatureListing) bool { return s.ID != id }),
		Causes:     slices.DeleteFunc(l.Causes, func(c causeListing) bool { return c.ID != id }),
	}
}

func (l listing) printText(out io.Writer, explain bool) error {
	var page strings.Builder
	for _, cause := range l.Causes {
		fmt.Fprintf(&page, "cause      %-17s %s\n", cause.FailureType, cause.ID)
		if explain {
			fmt.Fprintf(&page, "  %s\n  considered when one of these is seen: %s\n", cause.Sentence, strings.Join(cause.Signatures, ", "))
			if cause.When != "" {
				fmt.Fprintf(&page, "  and: %s\n", cause.When)
			}
			for i, fix := range cause.SuggestedFixes {
				fmt.Fprintf(&page, "  %d. %s\n", i+1, fix.Description)
			}
		}
	}
	for _, signature := range l.Signatures {
		fmt.Fprintf(&page, "signature  %-17s %s\n", signature.FailureType+strings.TrimPrefix(" "+signature.Role, " failure"), signature.ID)
		if explain {
			fmt.Fprintf(&page, "  in: %s\n  matches: %s\n  source: %s\n", strings.Join(signature.Places, ", "), signature.matcher(), signature.Source)
		}
	}
	if !explain {
		fmt.Fprintf(&page, "\n%d causes, %d signatures. kubectl remedy catalog ID explains one.\n", len(l.Causes), len(l.Signatures))
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// matcher puts what a signature looks for into words.
func (s signatureListing) matcher() string {
	var words []string
	add := func(name string, values []string) {
		if len(values) > 0 {
			words = append(words, name+" "+strings.Join(values, " or "))
		}
	}
	add("state", s.State)
	add("type", s.Type)
	add("status", s.Status)
	add("reason", s.Reason)
	if len(s.ExitCode) > 0 {
		words = append(words, "exit code "+strings.Trim(strings.ReplaceAll(fmt.Sprint(s.ExitCode), " ", " or "), "[]"))
	}
	var quoted []string
	for _, text := range s.Text {
		quoted = append(quoted, "`"+text+"`")
	}
	add("text", quoted)
	if s.Regexp != "" {
		words = append(words, "regular expression `"+s.Regexp+"`")
	}
	if s.Not != "" {
		words = append(words, "but not `"+s.Not+"`")
	}
	return strings.Join(words, "; ")
}
