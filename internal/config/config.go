// Package config reads the installation's own settings: one YAML file that the webhook and the event watcher share.
//
// It promises that a file is taken as a whole or not at all: an unknown field, a value out of its bounds or a name
// that is none is an error that names the field, and whoever watches the file keeps the last good one.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// APIVersion and Kind head a configuration file.
const (
	APIVersion = "config." + v1alpha1.GroupName + "/v1alpha1"
	Kind       = "Configuration"
)

// Config are the settings of an installation. What a workload's or a namespace's annotations say comes before them.
type Config struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Mode is what happens to workloads whose owners say nothing: heal (the default), suggest or off.
	Mode string `json:"mode,omitempty"`
	// FailureTypes limit what is healed; all when the list is empty.
	FailureTypes []v1alpha1.FailureType `json:"failureTypes,omitempty"`
	// MaxMemory and MaxCPU are quantities that no fix goes past.
	MaxMemory *resource.Quantity `json:"maxMemory,omitempty"`
	MaxCPU    *resource.Quantity `json:"maxCPU,omitempty"`
	// Allow with the value assertive lets fixes through that change what runs.
	Allow string `json:"allow,omitempty"`
	// Confidence are the thresholds, in percent.
	Confidence Confidence `json:"confidence,omitempty"`
	// ExcludedNamespaces are left alone.
	ExcludedNamespaces []string `json:"excludedNamespaces,omitempty"`
	// Kinds are healed beside those that Kubernetes has.
	Kinds []ExtraKind `json:"kinds,omitempty"`
	// KnownFailures says what the applier of a workload that is known not to start, and that nothing can be done
	// about, is told: off (the default: only an image that is known not to be pulled), warn, or deny, which refuses it.
	KnownFailures string `json:"knownFailures,omitempty"`
}

// Confidence are the least confidences, in percent, from which on something is done unasked and told of.
type Confidence struct {
	// Heal is from where on cures are applied; 70 by default.
	Heal int32 `json:"heal,omitempty"`
	// Suggest is from where on they are told of; 50 by default.
	Suggest int32 `json:"suggest,omitempty"`
}

// ExtraKind is a kind of workload with a pod template that Kubernetes itself does not have.
type ExtraKind struct {
	// Group, Version and Resource are where the API server serves it, for example argoproj.io, v1alpha1, rollouts.
	Group    string `json:"group"`
	Version  string `json:"version"`
	Resource string `json:"resource"`
	// Kind is its name in objects, for example Rollout.
	Kind string `json:"kind"`
	// Template is where it has its pod template: members joined by dots; spec.template by default.
	Template string `json:"template,omitempty"`
}

// GroupKind names the kind.
func (k ExtraKind) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: k.Group, Kind: k.Kind}
}

// The values of KnownFailures.
const (
	KnownFailuresOff  = "off"
	KnownFailuresWarn = "warn"
	KnownFailuresDeny = "deny"
)

// ModeFor gives what may happen to a workload: what its own annotations say, or else those of its namespace, or else the
// installation. A value that is none says nothing.
func (c *Config) ModeFor(workload, namespace map[string]string) string {
	for _, annotations := range []map[string]string{workload, namespace} {
		switch mode := annotations[v1alpha1.ModeAnnotation]; mode {
		case v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff:
			return mode
		}
	}
	return c.Mode
}

// Default gives the settings of an installation without a file.
func Default() *Config {
	config := &Config{APIVersion: APIVersion, Kind: Kind}
	config.complete()
	return config
}

// Parse reads a file. The error names every field that is wrong.
func Parse(data []byte) (*Config, error) {
	fields, err := document(data)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	wrong := takeQuantities(fields)
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var config Config
	unknown, err := kjson.UnmarshalStrict(text, &config)
	if err = errors.Join(append(unknown, err)...); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if wrong = append(wrong, config.validate()...); len(wrong) > 0 {
		return nil, fmt.Errorf("the configuration is not valid: %w", wrong.ToAggregate())
	}
	config.complete()
	return &config, nil
}

// document reads the only document of a file. A word like off is a word: YAML 1.1, which sigs.k8s.io/yaml reads, makes
// a truth value of it.
func document(data []byte) (map[string]any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there must be one document in the file")
	}
	return fields, nil
}

// takeQuantities takes those out of the fields that can't be read, or that nothing can be computed with.
func takeQuantities(fields map[string]any) field.ErrorList {
	var wrong field.ErrorList
	for _, name := range [...]string{"maxMemory", "maxCPU"} {
		value, said := fields[name]
		if !said || value == nil {
			continue
		}
		if _, err := remedy.ParseQuantity(fmt.Sprint(value)); err != nil {
			wrong = append(wrong, field.Invalid(field.NewPath(name), value, err.Error()))
			delete(fields, name)
		}
	}
	return wrong
}

func (c *Config) complete() {
	if c.Mode == "" {
		c.Mode = v1alpha1.ModeHeal
	}
	if c.Confidence.Heal == 0 {
		c.Confidence.Heal = engine.HealAt
	}
	if c.Confidence.Suggest == 0 {
		c.Confidence.Suggest = engine.SuggestAt
	}
	if c.KnownFailures == "" {
		c.KnownFailures = KnownFailuresOff
	}
	for i := range c.Kinds {
		if c.Kinds[i].Template == "" {
			c.Kinds[i].Template = "spec.template"
		}
	}
}

func (c *Config) validate() field.ErrorList {
	var wrong field.ErrorList
	oneOf := func(path, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			wrong = append(wrong, field.NotSupported(field.NewPath(path), value, allowed))
		}
	}
	if c.APIVersion != APIVersion {
		wrong = append(wrong, field.NotSupported(field.NewPath("apiVersion"), c.APIVersion, []string{APIVersion}))
	}
	if c.Kind != Kind {
		wrong = append(wrong, field.NotSupported(field.NewPath("kind"), c.Kind, []string{Kind}))
	}
	oneOf("mode", c.Mode, v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff)
	oneOf("allow", c.Allow, v1alpha1.AllowAssertive)
	oneOf("knownFailures", c.KnownFailures, KnownFailuresOff, KnownFailuresWarn, KnownFailuresDeny)
	for i, failure := range c.FailureTypes {
		if !slices.Contains(v1alpha1.FailureTypes(), failure) {
			wrong = append(wrong, field.NotSupported(field.NewPath("failureTypes").Index(i), failure, v1alpha1.FailureTypes()))
		}
	}
	for path, most := range map[string]*resource.Quantity{"maxMemory": c.MaxMemory, "maxCPU": c.MaxCPU} {
		if most != nil && most.Sign() <= 0 {
			wrong = append(wrong, field.Invalid(field.NewPath(path), most.String(), "it must be greater than zero"))
		}
	}
	wrong = append(wrong, c.Confidence.validate(field.NewPath("confidence"))...)
	for i, name := range c.ExcludedNamespaces {
		for _, reason := range validation.IsDNS1123Label(name) {
			wrong = append(wrong, field.Invalid(field.NewPath("excludedNamespaces").Index(i), name, reason))
		}
	}
	for i := range c.Kinds {
		wrong = append(wrong, c.Kinds[i].validate(field.NewPath("kinds").Index(i))...)
		if slices.ContainsFunc(c.Kinds[:i], func(other ExtraKind) bool { return other.GroupKind() == c.Kinds[i].GroupKind() }) {
			wrong = append(wrong, field.Duplicate(field.NewPath("kinds").Index(i), c.Kinds[i].GroupKind().String()))
		}
	}
	return wrong
}

func (c Confidence) validate(at *field.Path) field.ErrorList {
	var wrong field.ErrorList
	for path, value := range map[string]int32{"heal": c.Heal, "suggest": c.Suggest} {
		if value < 0 || value > 100 {
			wrong = append(wrong, field.Invalid(at.Child(path), value, "it must be from 1 to 100 percent"))
		}
	}
	heal, suggest := c.Heal, c.Suggest
	if heal == 0 {
		heal = engine.HealAt
	}
	if suggest == 0 {
		suggest = engine.SuggestAt
	}
	if suggest > heal {
		wrong = append(wrong, field.Invalid(at.Child("suggest"), suggest, fmt.Sprintf("it can't be more than heal, which is %d", heal)))
	}
	return wrong
}

// member is the name of a field that leads to a pod template.
var member = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

// ownGroups have kinds of their own here, which a configuration can't describe otherwise.
var ownGroups = []string{"apps", "batch", v1alpha1.GroupName}

func (k ExtraKind) validate(at *field.Path) field.ErrorList {
	var wrong field.ErrorList
	for _, reason := range validation.IsDNS1123Subdomain(k.Group) {
		wrong = append(wrong, field.Invalid(at.Child("group"), k.Group, reason))
	}
	if slices.Contains(ownGroups, k.Group) {
		wrong = append(wrong, field.Forbidden(at.Child("group"), "the kinds of group "+k.Group+" are known already"))
	}
	for path, value := range map[string]string{"version": k.Version, "resource": k.Resource} {
		for _, reason := range validation.IsDNS1123Label(value) {
			wrong = append(wrong, field.Invalid(at.Child(path), value, reason))
		}
	}
	if !member.MatchString(k.Kind) || len(k.Kind) > 63 {
		wrong = append(wrong, field.Invalid(at.Child("kind"), k.Kind, "it must be the name of a kind, for example Rollout"))
	}
	if k.Template != "" {
		for part := range strings.SplitSeq(k.Template, ".") {
			if !member.MatchString(part) {
				wrong = append(wrong, field.Invalid(at.Child("template"), k.Template, "it must be members joined by dots, for example spec.template"))
				break
			}
		}
	}
	return wrong
}
