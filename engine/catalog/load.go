package catalog

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/match"
)

// Bounds of one set of rules: users' rules are read with them too.
const (
	maxFile  = 4 << 20 // bytes
	maxRules = 10_000
)

// worthSeeking is the least length of a literal that is looked for before a regular expression is tried, in bytes.
const worthSeeking = 5

// written is a value together with the line it stands on.
type written struct {
	value string
	line  int
}

// UnmarshalYAML is part of yaml.Unmarshaler.
func (w *written) UnmarshalYAML(node *yaml.Node) error {
	w.line = node.Line
	return node.Decode(&w.value)
}

// The shapes of the YAML.
type (
	yamlSignature struct {
		ID          written              `yaml:"id"`
		FailureType v1alpha1.FailureType `yaml:"failureType"`
		Role        Role                 `yaml:"role"`
		Places      []Place              `yaml:"places"`
		State       []string             `yaml:"state"`
		Type        []string             `yaml:"type"`
		Status      []string             `yaml:"status"`
		Reason      []string             `yaml:"reason"`
		ExitCode    []int32              `yaml:"exitCode"`
		Text        []string             `yaml:"text"`
		IgnoreCase  bool                 `yaml:"ignoreCase"`
		Regexp      written              `yaml:"regexp"`
		Not         written              `yaml:"not"`
		Alone       bool                 `yaml:"alone"`
		Outside     bool                 `yaml:"outside"`
		Weight      float64              `yaml:"weight"`
		Source      string               `yaml:"source"`
		Fires       []yamlSample         `yaml:"fires"`
		Misses      []yamlSample         `yaml:"misses"`
	}
	// yamlSample is a fact; a plain string is its message.
	yamlSample struct {
		Place    Place  `yaml:"place"`
		State    string `yaml:"state"`
		Type     string `yaml:"type"`
		Status   string `yaml:"status"`
		Reason   string `yaml:"reason"`
		Message  string `yaml:"message"`
		ExitCode *int32 `yaml:"exitCode"`
	}
	yamlCause struct {
		ID             written              `yaml:"id"`
		FailureType    v1alpha1.FailureType `yaml:"failureType"`
		Signatures     []string             `yaml:"signatures"`
		Weights        map[string]float64   `yaml:"weights"`
		When           written              `yaml:"when"`
		Confidence     float64              `yaml:"confidence"`
		Supports       []yamlWeighted       `yaml:"supports"`
		Contradictions []yamlWeighted       `yaml:"contradictions"`
		Generic        bool                 `yaml:"generic"`
		Over           []string             `yaml:"over"`
		Sentence       written              `yaml:"sentence"`
		Fixes          []yamlFix            `yaml:"fixes"`
	}
	yamlWeighted struct {
		When   written `yaml:"when"`
		Weight float64 `yaml:"weight"`
	}
	yamlFix struct {
		Action string  `yaml:"action"`
		Text   written `yaml:"text"`
	}
)

// loader collects rules and the mistakes in them.
type loader struct {
	lenient    bool // leave out what is wrong, and let later rules replace earlier ones
	signatures map[string]*Signature
	causes     map[string]*Cause
	// pending are causes not yet compiled: they may name signatures of later files.
	pending  []pendingCause
	mistakes []error
	own      map[string]bool // lists and ids in the files being loaded
}

type pendingCause struct {
	raw    yamlCause
	file   string
	origin string
}

func (c *Catalog) with(files []File, lenient, bounded bool) (*Catalog, []error) {
	l := &loader{lenient: lenient, signatures: maps.Clone(c.signatures), causes: maps.Clone(c.causes), own: map[string]bool{}}
	if l.signatures == nil {
		l.signatures, l.causes = map[string]*Signature{}, map[string]*Cause{}
	}
	for _, file := range files {
		l.read(file)
	}
	env, err := newEnvironment(func(id string) bool { return l.signatures[id] != nil }, bounded)
	if err != nil {
		return c, append(l.mistakes, err)
	}
	for _, pending := range l.pending {
		cause, err := l.compile(pending, env)
		if err != nil {
			l.mistake(err)
			continue
		}
		l.causes[cause.ID] = cause
	}
	l.checkOver()
	if len(l.mistakes) > 0 && !lenient {
		return nil, l.mistakes
	}
	built := &Catalog{signatures: l.signatures, causes: l.causes}
	if err := built.index(); err != nil {
		return c, append(l.mistakes, err)
	}
	return built, l.mistakes
}

func (l *loader) mistake(err error) { l.mistakes = append(l.mistakes, err) }

// read takes the rules of one file.
func (l *loader) read(file File) {
	if len(file.Data) > maxFile {
		l.mistake(fmt.Errorf("%s: %d bytes are more than %d", file.Name, len(file.Data), maxFile))
		return
	}
	var document yaml.Node
	if err := yaml.Unmarshal(file.Data, &document); err != nil {
		l.mistake(fmt.Errorf("%s: %w", file.Name, err))
		return
	}
	if len(document.Content) == 0 {
		return // an empty file has no rules
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		l.mistake(fmt.Errorf("%s:%d: expected signatures: and causes: at the top", file.Name, root.Line))
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, list := root.Content[i], root.Content[i+1]
		switch {
		case key.Value != "signatures" && key.Value != "causes":
			l.mistake(fmt.Errorf("%s:%d: unknown field %q; expected signatures or causes", file.Name, key.Line, key.Value))
		case list.Kind != yaml.SequenceNode:
			l.mistake(fmt.Errorf("%s:%d: %s must be a list", file.Name, list.Line, key.Value))
		case len(list.Content)+len(l.signatures)+len(l.causes) > maxRules:
			l.mistake(fmt.Errorf("%s:%d: more than %d rules", file.Name, list.Line, maxRules))
		default:
			for _, item := range list.Content {
				if err := l.readRule(file.Name, key.Value, item); err != nil {
					l.mistake(err)
				}
			}
		}
	}
}

func (l *loader) readRule(file, list string, item *yaml.Node) error {
	origin := fmt.Sprintf("%s:%d", file, item.Line)
	if list == "signatures" {
		var raw yamlSignature
		if err := decode(item, &raw); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := l.claim(list, raw.ID.value, origin); err != nil {
			return err
		}
		signature, err := raw.build(origin)
		if err != nil {
			return fmt.Errorf("%s: signature %s: %w", origin, raw.ID.value, err)
		}
		l.signatures[signature.ID] = signature
		return nil
	}
	var raw yamlCause
	if err := decode(item, &raw); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := l.claim(list, raw.ID.value, origin); err != nil {
		return err
	}
	l.pending = append(l.pending, pendingCause{raw: raw, file: file, origin: origin})
	return nil
}

var wellFormedID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// claim takes an id, which must be well-formed and not yet used in the same lists of these files.
func (l *loader) claim(list, id, origin string) error {
	switch {
	case len(id) > 63 || !wellFormedID.MatchString(id):
		return fmt.Errorf("%s: id %q must be words of a-z and 0-9 joined by -, at most 63 characters", origin, id)
	case l.own[list+"/"+id]:
		return fmt.Errorf("%s: id %q is used twice", origin, id)
	}
	l.own[list+"/"+id] = true
	return nil
}

// decode is yaml.Node.Decode that refuses unknown fields.
func decode(node *yaml.Node, into any) error {
	if err := checkFields(node, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return node.Decode(into)
}

// checkFields refuses fields that the type doesn't have, in structs and slices of structs.
func checkFields(node *yaml.Node, kind reflect.Type) error {
	switch {
	case node.Kind == yaml.AliasNode:
		return fmt.Errorf("line %d: aliases are not used in rules", node.Line)
	case kind.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if err := checkFields(item, kind.Elem()); err != nil {
				return err
			}
		}
	case kind.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		fields := map[string]reflect.Type{}
		for i := range kind.NumField() {
			fields[kind.Field(i).Tag.Get("yaml")] = kind.Field(i).Type
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			field, known := fields[node.Content[i].Value]
			if !known {
				return fmt.Errorf("line %d: unknown field %q", node.Content[i].Line, node.Content[i].Value)
			}
			if err := checkFields(node.Content[i+1], field); err != nil {
				return err
			}
		}
	}
	return nil
}

// UnmarshalYAML is part of yaml.Unmarshaler.
func (s *yamlSample) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&s.Message)
	}
	type plain yamlSample
	return node.Decode((*plain)(s))
}

var failureTypes = []v1alpha1.FailureType{
	v1alpha1.OOMKilled, v1alpha1.CrashLoopBackOff, v1alpha1.ImagePullBackOff, v1alpha1.Pending, v1alpha1.ProbeFailure, v1alpha1.NodeNotReady,
}

// build checks a signature and gives it its final form.
func (raw yamlSignature) build(origin string) (*Signature, error) {
	if raw.Role == "" {
		raw.Role = Failure
	}
	if err := raw.check(); err != nil {
		return nil, err
	}
	signature := &Signature{
		ID: raw.ID.value, FailureType: raw.FailureType, Role: raw.Role, Places: raw.Places,
		State: raw.State, Type: raw.Type, Status: raw.Status, Reason: raw.Reason, ExitCode: raw.ExitCode,
		Text: raw.Text, IgnoreCase: raw.IgnoreCase, Alone: raw.Alone, Outside: raw.Outside, Weight: raw.Weight, Source: raw.Source, Origin: origin,
	}
	var err error
	if signature.Regexp, err = raw.Regexp.compile(raw.IgnoreCase); err != nil {
		return nil, fmt.Errorf("regexp: %w", err)
	}
	if signature.Not, err = raw.Not.compile(raw.IgnoreCase); err != nil {
		return nil, fmt.Errorf("not: %w", err)
	}
	if signature.Regexp != nil {
		signature.notAtStart = signature.Not != nil && strings.HasPrefix(signature.Not.String(), "^")
		signature.needs = match.Required(signature.Regexp, true, worthSeeking)
	}
	for _, sample := range raw.Fires {
		signature.Fires = append(signature.Fires, sample.fact(raw.Places[0]))
	}
	for _, sample := range raw.Misses {
		signature.Misses = append(signature.Misses, sample.fact(raw.Places[0]))
	}
	return signature, nil
}

func (s yamlSample) fact(place Place) Fact {
	if s.Place != "" {
		place = s.Place
	}
	return Fact{Place: place, State: s.State, Type: s.Type, Status: s.Status, Reason: s.Reason, Message: s.Message, ExitCode: s.ExitCode, Count: 1}
}

// compile gives the regular expression, nil for none. RE2 has no catastrophic patterns.
func (w written) compile(ignoreCase bool) (*regexp.Regexp, error) {
	if w.value == "" {
		return nil, nil //nolint:nilnil // no expression is not an error
	}
	expression := w.value
	if ignoreCase {
		expression = "(?i)" + expression
	}
	return regexp.Compile(expression)
}

// check finds what is wrong with a signature.
func (raw yamlSignature) check() error {
	switch {
	case !slices.Contains([]Role{Failure, Recovery, Context}, raw.Role):
		return fmt.Errorf("role %q must be failure, recovery or context", raw.Role)
	case raw.Role == Failure && !slices.Contains(failureTypes, raw.FailureType):
		return fmt.Errorf("failureType %q must be one of %v", raw.FailureType, failureTypes)
	case raw.Role == Failure && (raw.Weight <= 0 || raw.Weight >= 1):
		return fmt.Errorf("weight %v must be between 0 and 1", raw.Weight)
	case len(raw.Places) == 0:
		return errors.New("places: at least one is needed")
	case raw.Source == "":
		return errors.New("source: say where the text comes from")
	case len(raw.Fires) == 0 || len(raw.Misses) == 0:
		return errors.New("fires and misses: at least one of each is needed")
	case slices.Contains(raw.Text, ""):
		return errors.New("text: an empty text is in everything")
	case len(raw.State)+len(raw.Type)+len(raw.Reason)+len(raw.ExitCode)+len(raw.Text) == 0 && raw.Regexp.value == "":
		return errors.New("no matcher: one of state, type, reason, exitCode, text, regexp is needed")
	}
	for _, place := range raw.Places {
		has, known := places[place]
		switch {
		case !known:
			return fmt.Errorf("place %q is unknown", place)
		case len(raw.State) > 0 && !has.state, len(raw.ExitCode) > 0 && !has.exitCode:
			return fmt.Errorf("place %s has no state and no exitCode", place)
		case len(raw.Type)+len(raw.Status) > 0 && !has.conditionType:
			return fmt.Errorf("place %s has no type and no status", place)
		case place == Log && len(raw.Text) == 0:
			return errors.New("place log needs a text: the literal that is looked for")
		case place != Log && raw.Outside && !slices.Contains(raw.Places, Log):
			return errors.New("outside is only for log lines")
		case place != Log && raw.Alone && !slices.Contains(raw.Places, Log):
			return errors.New("alone is only for log lines")
		}
	}
	return nil
}

// compile checks a cause and gives it its final form.
func (l *loader) compile(pending pendingCause, env *environment) (*Cause, error) {
	raw := pending.raw
	at := func(line int, field string, err error) error {
		if line == 0 {
			return fmt.Errorf("%s: cause %s: %s: %w", pending.origin, raw.ID.value, field, err)
		}
		return fmt.Errorf("%s:%d: cause %s: %s: %w", pending.file, line, raw.ID.value, field, err)
	}
	if err := raw.check(); err != nil {
		return nil, fmt.Errorf("%s: cause %s: %w", pending.origin, raw.ID.value, err)
	}
	for _, id := range slices.Concat(raw.Signatures, slices.Sorted(maps.Keys(raw.Weights))) {
		if l.signatures[id] == nil {
			return nil, at(0, "signatures", fmt.Errorf("there is no signature %q", id))
		}
	}
	cause := &Cause{
		ID: raw.ID.value, FailureType: raw.FailureType, Signatures: raw.Signatures, Weights: raw.Weights,
		Confidence: raw.Confidence, Generic: raw.Generic, Over: raw.Over, Origin: pending.origin,
	}
	var err error
	if raw.When.value != "" {
		if cause.When, err = env.condition(raw.When.value); err != nil {
			return nil, at(raw.When.line, "when", err)
		}
	}
	for i, weighted := range slices.Concat(raw.Supports, raw.Contradictions) {
		condition, err := env.condition(weighted.When.value)
		if err != nil {
			return nil, at(weighted.When.line, "when", err)
		}
		if weighted.Weight <= 0 || weighted.Weight > 1 {
			return nil, at(weighted.When.line, "weight", fmt.Errorf("%v must be more than 0 and at most 1", weighted.Weight))
		}
		into := &cause.Supports
		if i >= len(raw.Supports) {
			into = &cause.Contradictions
		}
		*into = append(*into, Weighted{When: condition, Weight: weighted.Weight})
	}
	if cause.Sentence, err = env.template(strings.TrimSpace(raw.Sentence.value)); err != nil {
		return nil, at(raw.Sentence.line, "sentence", err)
	}
	for _, fix := range raw.Fixes {
		text, err := env.template(strings.TrimSpace(fix.Text.value))
		if err != nil {
			return nil, at(fix.Text.line, "fixes", err)
		}
		cause.Fixes = append(cause.Fixes, Fix{Action: fix.Action, Text: text})
	}
	return cause, nil
}

// check finds what is wrong with a cause apart from its expressions.
func (raw yamlCause) check() error {
	switch {
	case !slices.Contains(failureTypes, raw.FailureType):
		return fmt.Errorf("failureType %q must be one of %v", raw.FailureType, failureTypes)
	case len(raw.Signatures) == 0:
		return errors.New("signatures: at least one is needed")
	case raw.Confidence < 0 || raw.Confidence >= 1:
		return fmt.Errorf("confidence %v must be at least 0 and less than 1", raw.Confidence)
	case raw.Confidence > 0 && raw.When.value == "":
		return errors.New("confidence is what when adds, and there is no when")
	case strings.TrimSpace(raw.Sentence.value) == "":
		return errors.New("sentence: it states the cause")
	case len(raw.Fixes) < 3 || len(raw.Fixes) > 8:
		return fmt.Errorf("fixes: 3 to 8 are needed, not %d", len(raw.Fixes))
	}
	for _, fix := range raw.Fixes {
		switch {
		case fix.Action != "" && !slices.Contains(actions, fix.Action):
			return fmt.Errorf("action %q must be one of %v", fix.Action, actions)
		case strings.TrimSpace(fix.Text.value) == "":
			return errors.New("fixes: every fix says what to do in its text")
		}
	}
	for id, weight := range raw.Weights {
		if weight <= 0 || weight >= 1 || !slices.Contains(raw.Signatures, id) {
			return fmt.Errorf("weights: %s must be one of the cause's signatures, its weight between 0 and 1", id)
		}
	}
	return nil
}

// checkOver finds causes that would replace one that does not exist.
func (l *loader) checkOver() {
	for _, id := range slices.Sorted(maps.Keys(l.causes)) {
		for _, over := range l.causes[id].Over {
			if l.causes[over] == nil {
				l.mistake(fmt.Errorf("%s: cause %s: over: there is no cause %q", l.causes[id].Origin, id, over))
			}
		}
	}
}
