package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// stamp writes events about the pods of one workload by copying the first one's bytes and writing over what differs: the
// server must not be what is measured.
type stamp struct {
	object  []byte // as it stands in the event
	added   []byte // what stands in front of it
	updated []byte
	places  [7][]int // of what differs, in the order of variable's fields
}

func (v variable) fields() [7]string {
	return [7]string{v.suffix, v.uid, v.version, v.node, v.ip, v.host, v.container}
}

// newStamp makes the stamp of a workload.
func newStamp(of *cluster, w int, encoder runtime.Encoder) (*stamp, error) {
	var marks variable
	sample := of.variable(w, 1_000_000_000).fields()
	for i, field := range []*string{&marks.suffix, &marks.uid, &marks.version, &marks.node, &marks.ip, &marks.host, &marks.container} {
		*field = strings.Repeat(string(rune('A'+i))+"~", len(sample[i]))[:len(sample[i])] // stands nowhere else
	}
	object, err := runtime.Encode(encoder, of.pod(w, marks))
	if err != nil {
		return nil, err
	}
	s := &stamp{object: object}
	for i, mark := range marks.fields() {
		for from := 0; ; {
			at := bytes.Index(object[from:], []byte(mark))
			if at < 0 {
				break
			}
			s.places[i] = append(s.places[i], from+at)
			from += at + len(mark)
		}
		if len(s.places[i]) == 0 {
			return nil, fmt.Errorf("what differs between pods of %s is not in their bytes", of.workload(w))
		}
	}
	if s.added, err = front(watch.Added, object); err != nil {
		return nil, err
	}
	s.updated, err = front(watch.Modified, object)
	return s, err
}

// front is what stands in front of an object in a watch: the length of the event, and its type.
func front(kind watch.EventType, object []byte) ([]byte, error) {
	event, err := (&metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: object}}).Marshal()
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(event, object) {
		return nil, fmt.Errorf("an event does not end in its object")
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(event))), event[:len(event)-len(object)]...), nil
}

// appendTo appends the event about one pod.
func (s *stamp) appendTo(buffer []byte, kind watch.EventType, its variable) []byte {
	in := s.updated
	if kind == watch.Added {
		in = s.added
	}
	buffer = append(buffer, in...)
	at := len(buffer)
	buffer = append(buffer, s.object...)
	for i, field := range its.fields() {
		for _, place := range s.places[i] {
			copy(buffer[at+place:], field)
		}
	}
	return buffer
}
