package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// usually is what encoding/json makes of an object, without what decode leaves out.
func usually(text string) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	return object, nil
}

func TestAnObjectIsDecodedAsUsual(t *testing.T) {
	for _, text := range []string{
		`null`, `{}`, ` { "a" : [ ] , "b" : { } } `, `{"a":[1,-0,1.50,1e400,true,false,null,"x",[{}]]}`,
		`{"a\u0062":"\"\\\/\b\u00e9\ud83d\ude00 é"}`, `{"a":1,"a":{"b":2}}`,
		`{"metadata":null}`, `{"metadata":[{"managedFields":1}]}`, `{"spec":{"metadata":{"managedFields":[1]}}}`,
		`{"metadata":{"managedFields":[{"a":{"b":[]}}],"name":"web"}}`, `{"metadata":{"metadata":{"managedFields":1}}}`,
		deployment("128Mi", ours, marked),
	} {
		want, err := usually(text)
		require.NoError(t, err)
		got, err := decode([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestWhatIsNoObjectIsNotDecoded(t *testing.T) {
	for _, text := range []string{`[]`, `"x"`, `1`, `true`, `{`, `{"a"}`, `{"a":}`, `{"a":[1}`, `{"a":01}`, `}`, `nul`, `{"a":"` + "\xff" + `"}`} {
		_, err := decode([]byte(text))
		require.Error(t, err, text)
	}
	object, err := decode([]byte(" \n"))
	require.NoError(t, err)
	require.Nil(t, object)
}

// FuzzDecode compares with encoding/json whatever a review can have as its object: what is read strictly.
func FuzzDecode(f *testing.F) {
	f.Add(deployment("128Mi", ours, marked))
	f.Add(`{"a":[1,-0,1e400,"\ud83d\ude00"],"metadata":{"managedFields":[{}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		reader := newReader().(*reader)
		body := reviewOf(`{"object":` + text + `}`)
		require.NoError(t, reader.fill(strings.NewReader(body), int64(len(body))))
		if reader.readAll() != nil || deeper(reader.object, maxDepth) || reader.object == nil {
			return
		}
		want, wrong := usually(string(reader.object))
		got, err := decode(reader.object)
		require.Equal(t, wrong == nil, err == nil, "%v, %v", wrong, err)
		require.Equal(t, want, got)
	})
}
