// Package manifest changes manifests as their owners keep them.
//
// It promises that a change leaves every line as it is that it need not touch: comments, order, quotes and
// indentation. It checks each change against the same JSON Patch applied to the decoded object, and falls back to
// writing the document anew, with its comments, where an edit in place does not come to the same. What it cannot
// change it refuses by name; it never writes something else.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// MaxBytes bounds a file. The API server takes objects of 1.5 MiB at most; a file may hold many.
const MaxBytes = 64 << 20

// separator is a line that ends a document (YAML 1.2, 9.1.2).
var separator = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$\n?`)

// File is the content of one file.
type File struct {
	documents []*document
	objects   []*Object
}

// document is one document of a file: the separator before it and its text.
type document struct{ before, text string }

// Object is an object of the file, or an item of a List in it.
type Object struct {
	// Value is the object as decoded JSON; integers are int64. It must not be changed.
	Value    map[string]any
	document *document
	pointer  string // where the object is in the document
}

// Parse reads a file: a stream of YAML documents, or JSON. The error names the document, counted from 1.
func Parse(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("more than %d MiB", MaxBytes>>20)
	}
	file := &File{documents: split(string(data))}
	for i, doc := range file.documents {
		value, err := decode(doc.text)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		if value == nil {
			continue
		}
		object, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("document %d: it is no object", i+1)
		}
		if err := file.add(doc, "", object, i+1); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// ParseValues reads a file of one YAML document, or JSON, that is no object of Kubernetes, as the values of a chart. The
// file has one Object.
func ParseValues(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("more than %d MiB", MaxBytes>>20)
	}
	file := &File{documents: split(string(data))}
	for _, doc := range file.documents {
		value, err := decode(doc.text)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		object, ok := value.(map[string]any)
		if !ok || len(file.objects) > 0 {
			return nil, errors.New("it is not one document with values by name")
		}
		file.objects = append(file.objects, &Object{Value: object, document: doc})
	}
	if len(file.objects) == 0 {
		return nil, errors.New("it has no values")
	}
	return file, nil
}

func split(text string) []*document {
	var documents []*document
	before := ""
	for {
		at := separator.FindStringIndex(text)
		if at == nil {
			return append(documents, &document{before, text})
		}
		documents = append(documents, &document{before, text[:at[0]]})
		before, text = text[at[0]:at[1]], text[at[1]:]
	}
}

func (f *File) add(doc *document, pointer string, object map[string]any, number int) error {
	kind, _ := object["kind"].(string)
	items, isList := object["items"].([]any)
	if isList && strings.HasSuffix(kind, "List") {
		for i, item := range items {
			value, ok := item.(map[string]any)
			if !ok {
				return fmt.Errorf("document %d: items[%d] is no object", number, i)
			}
			if err := f.add(doc, pointer+"/items/"+strconv.Itoa(i), value, number); err != nil {
				return err
			}
		}
		return nil
	}
	if kind == "" {
		return fmt.Errorf("document %d: kind is missing", number)
	}
	f.objects = append(f.objects, &Object{Value: object, document: doc, pointer: pointer})
	return nil
}

// Objects are those of the file in its order; a List is its items.
func (f *File) Objects() []*Object { return f.objects }

// Bytes is the file with its changes.
func (f *File) Bytes() []byte {
	var all bytes.Buffer
	for _, doc := range f.documents {
		all.WriteString(doc.before)
		all.WriteString(doc.text)
	}
	return all.Bytes()
}

// Apply carries out operations on an object. Either all are or none.
func (o *Object) Apply(operations []remedy.Operation) error {
	if len(operations) == 0 {
		return nil
	}
	placed := make([]remedy.Operation, 0, len(operations))
	for _, operation := range operations {
		operation.Path = o.pointer + operation.Path
		placed = append(placed, operation)
	}
	want, err := patched(o.document.text, placed)
	if err != nil {
		return err
	}
	text := o.document.text
	same := func(text string) bool {
		got, err := decode(text)
		return err == nil && reflect.DeepEqual(got, want)
	}
	if text, err = editAll(text, placed); err != nil || !same(text) {
		if text, err = rewrite(o.document.text, placed); err != nil {
			return err
		}
		if !same(text) {
			return fmt.Errorf("%s can't be changed in this file: it may stand in an anchor that other parts share", operations[0].Path)
		}
	}
	value, err := patchedValue(o.Value, operations)
	if err != nil {
		return err
	}
	o.document.text, o.Value = text, value
	return nil
}

// decode reads a document as JSON.
func decode(text string) (any, error) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return nil, err
	}
	var value any
	if err := utiljson.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	return value, nil
}

func patched(text string, operations []remedy.Operation) (any, error) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return nil, err
	}
	var value any
	return value, applyTo(raw, operations, &value)
}

func patchedValue(object map[string]any, operations []remedy.Operation) (map[string]any, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var value map[string]any
	return value, applyTo(raw, operations, &value)
}

func applyTo(raw []byte, operations []remedy.Operation, into any) error {
	encoded, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		return err
	}
	if raw, err = patch.Apply(raw); err != nil {
		return err
	}
	return utiljson.Unmarshal(raw, into)
}

// rewrite carries out the operations on the document's nodes and writes it anew: comments stay, quotes and line
// breaks may not.
func rewrite(text string, operations []remedy.Operation) (string, error) {
	root, err := kyaml.Parse(text)
	if err != nil {
		return "", err
	}
	for _, operation := range operations {
		if err := change(root.YNode(), operation); err != nil {
			return "", err
		}
	}
	out, err := kyaml.MarshalWithOptions(root.Document(), &kyaml.EncoderOptions{SeqIndent: kyaml.SequenceIndentStyle(kyaml.DeriveSeqIndentStyle(text))})
	return string(out), err
}

// change carries out one operation on nodes.
func change(root *kyaml.Node, operation remedy.Operation) error {
	parent, last, err := parentOf(root, operation.Path)
	if err != nil {
		return err
	}
	value, err := nodeOf(operation.Value)
	if err != nil {
		return err
	}
	at := child(parent, last)
	switch {
	case operation.Op == "remove" && at >= 0 && parent.Kind == kyaml.MappingNode:
		parent.Content = append(parent.Content[:at-1], parent.Content[at+1:]...)
	case operation.Op == "remove" && at >= 0:
		parent.Content = append(parent.Content[:at], parent.Content[at+1:]...)
	case operation.Op == "remove":
		return fmt.Errorf("%s is not there", operation.Path)
	case parent.Kind == kyaml.SequenceNode && operation.Op == "add":
		if at < 0 {
			at = len(parent.Content)
		}
		parent.Content = append(parent.Content[:at], append([]*kyaml.Node{value}, parent.Content[at:]...)...)
	case at >= 0:
		value.LineComment, value.HeadComment = parent.Content[at].LineComment, parent.Content[at].HeadComment
		parent.Content[at] = value
	case parent.Kind == kyaml.MappingNode:
		parent.Content = append(parent.Content, kyaml.NewStringRNode(last).YNode(), value)
	default:
		return fmt.Errorf("%s can't be set", operation.Path)
	}
	return nil
}

func nodeOf(value any) (*kyaml.Node, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	text, err := yaml.JSONToYAML(raw)
	if err != nil {
		return nil, err
	}
	node, err := kyaml.Parse(string(text))
	if err != nil {
		return nil, err
	}
	return node.YNode(), nil
}

// parentOf gives the node that holds what a JSON pointer names, and the last part of the pointer.
func parentOf(node *kyaml.Node, pointer string) (*kyaml.Node, string, error) {
	parts := strings.Split(pointer, "/")[1:]
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	for _, part := range parts[:len(parts)-1] {
		at := child(node, part)
		if at < 0 {
			return nil, "", fmt.Errorf("%s: there is no %s", pointer, part)
		}
		node = node.Content[at]
	}
	return node, parts[len(parts)-1], nil
}

// child gives the index of a member's value, or an item, in a node's content; -1 when it has none.
func child(node *kyaml.Node, name string) int {
	switch node.Kind {
	case kyaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				return i + 1
			}
		}
	case kyaml.SequenceNode:
		if index, err := strconv.Atoi(name); err == nil && index >= 0 && index < len(node.Content) {
			return index
		}
	}
	return -1
}
