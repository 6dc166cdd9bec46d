package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	framing "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/watch"
)

// harm is what befalls a watcher.
type harm string

const (
	nothing      harm = ""
	killedBefore harm = "killed before write"                    // the API server never hears of it
	killedAfter  harm = "killed before the answer to write"      // the API server carried it out
	refused      harm = "told that the object changed, at write" // once
	dropped      harm = "dropped"
	doubled      harm = "doubled"
)

// fault is one harm at one point: the nth write, or the nth event of one kind of object.
type fault struct {
	harm  harm
	event string // the kind of object; empty for a write
	n     int    // from 1
}

func (f fault) String() string {
	switch {
	case f.harm == nothing:
		return "undisturbed"
	case f.event == "":
		return fmt.Sprintf("%s %d", f.harm, f.n)
	default:
		return fmt.Sprintf("event %d of %s %s", f.n, f.event, f.harm)
	}
}

// network lies between one run of a story and the API server: it shows a watcher one namespace only, counts what passes,
// and does the harm. A watcher that was killed never gets through it again; the one that is started afterwards passes
// unharmed, through a line of its own.
type network struct {
	namespace string
	fault     fault
	// admits rewrites what the watcher sends, as admission would; nil where nothing does.
	admits func(*http.Request) error

	mu     sync.Mutex
	met    bool           // the fault happened
	writes []string       // all that were sent, as method and path
	events map[string]int // that came, by kind of object
	open   []io.Closer    // watches
}

// line is one watcher's connection.
type line struct {
	*network
	next http.RoundTripper
	kill func()

	dead bool // guarded by the network's lock
}

var errDead = errors.New("this process was killed")

// RoundTrip sends a request on, with the harm that is due.
func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	l.narrow(request)
	harm := l.pass(request)
	if l.isDead() || harm == killedBefore {
		l.die(harm)
		return nil, errDead
	}
	if l.admits != nil {
		if err := l.admits(request); err != nil {
			return nil, err
		}
	}
	if harm == refused {
		return refusal(request), nil
	}
	response, err := l.next.RoundTrip(request)
	if harm == killedAfter {
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			err = errors.Join(err, response.Body.Close())
		}
		l.die(harm)
		return nil, errors.Join(errDead, err)
	}
	if err == nil && request.URL.Query().Get("watch") != "" {
		l.cut(request, response)
	}
	return response, err
}

// refusal is the API server's answer to a write of an object that changed meanwhile.
func refusal(request *http.Request) *http.Response {
	body, _ := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: http.StatusConflict, Reason: metav1.StatusReasonConflict, Message: "the object has been modified",
	})
	return &http.Response{
		Status: "409 Conflict", StatusCode: http.StatusConflict, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}
}

// everywhere are the resources that the watcher lists in all namespaces.
var everywhere = []string{
	"pods", "events", "replicationcontrollers", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs", "remediations",
}

// narrow makes of a request for all namespaces one for the story's. A watch goes on until the harm is done: between one
// and the next, events are not seen one by one.
func (l *line) narrow(request *http.Request) {
	resource := path.Base(request.URL.Path)
	if request.Method == http.MethodGet && slices.Contains(everywhere, resource) && !strings.Contains(request.URL.Path, "/namespaces/") {
		request.URL.Path = path.Join(path.Dir(request.URL.Path), "namespaces", l.namespace, resource)
	}
	if query := request.URL.Query(); query.Get("watch") != "" {
		query.Set("timeoutSeconds", "600")
		request.URL.RawQuery = query.Encode()
	}
}

// pass counts a write, and gives what is to become of it. The lease does not count: it says nothing of workloads.
func (l *line) pass(request *http.Request) harm {
	if request.Method == http.MethodGet || strings.HasPrefix(request.URL.Path, "/apis/coordination.k8s.io/") {
		return nothing
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nothing
	}
	l.writes = append(l.writes, request.Method+" "+strings.ReplaceAll(request.URL.Path, l.namespace, "NAMESPACE"))
	if l.met || l.fault.event != "" || len(l.writes) != l.fault.n {
		return nothing
	}
	l.met = true
	return l.fault.harm
}

func (l *line) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

func (l *line) die(harm harm) {
	if harm == nothing {
		return
	}
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.kill()
}

// cut makes a watch go through frame by frame.
func (l *line) cut(request *http.Request, response *http.Response) {
	kind := path.Base(request.URL.Path)
	if kind == "events" {
		kind = "events of owners"
		if strings.Contains(request.URL.Query().Get("fieldSelector"), "kind=Pod") {
			kind = "events of pods"
		}
	}
	whole := &frames{line: l, kind: kind, from: response.Body, read: readLine}
	if strings.Contains(response.Header.Get("Content-Type"), "protobuf") {
		whole.read = readMessage
		whole.frames = protobuf.LengthDelimitedFramer.NewFrameReader(response.Body)
	} else {
		whole.frames = framing.Framer.NewFrameReader(response.Body)
	}
	response.Body = whole
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, whole)
}

// end ends all watches, as the API server does with those that went on for long enough.
func (l *network) end() {
	l.mu.Lock()
	open := l.open
	l.open = nil
	l.mu.Unlock()
	for _, watch := range open {
		_ = watch.Close()
	}
}

// passes gives how often an event is to be passed on.
func (l *line) passes(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[kind]++
	if l.met || l.fault.event != kind || l.events[kind] != l.fault.n {
		return 1
	}
	l.met = true
	if l.fault.harm == doubled {
		return 2
	}
	time.AfterFunc(relist, l.end)
	return 0
}

// seen gives what passed so far.
func (l *network) seen() (writes []string, events map[string]int, met bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.writes), maps.Clone(l.events), l.met
}

// frames is the body of a watch, of which each event is passed on as often as the network says.
type frames struct {
	line   *line
	kind   string
	from   io.Closer
	frames io.Reader
	read   func(frame []byte) (event metav1.WatchEvent, whole []byte, err error)
	left   []byte
}

// Read gives what is left of a frame, or the next one.
func (f *frames) Read(into []byte) (int, error) {
	for len(f.left) == 0 {
		frame, err := f.next()
		if err != nil {
			return 0, err
		}
		event, whole, err := f.read(frame)
		if err != nil {
			return 0, fmt.Errorf("read an event of %s: %w", f.kind, err)
		}
		times := 1
		switch watch.EventType(event.Type) {
		case watch.Added, watch.Modified, watch.Deleted:
			own, err := f.owns(event.Object.Raw)
			if err != nil {
				return 0, fmt.Errorf("read an event of %s: %w", f.kind, err)
			}
			if own {
				times = f.line.passes(f.kind)
			}
		}
		f.left = bytes.Repeat(whole, times)
	}
	n := copy(into, f.left)
	f.left = f.left[n:]
	return n, nil
}

// owns reports whether an object is the story's: nodes have no namespace, and those of all stories come.
func (f *frames) owns(object []byte) (bool, error) {
	if f.kind != "nodes" {
		return true, nil
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(bytes.TrimPrefix(object, []byte("k8s\x00"))); err != nil {
		return false, err
	}
	var node corev1.Node
	if err := node.Unmarshal(envelope.Raw); err != nil {
		return false, err
	}
	return strings.HasPrefix(node.Name, f.line.nodes()), nil
}

// nodes is how the names of the story's own nodes begin.
func (l *network) nodes() string { return l.namespace + "-node-" }

// next gives a frame as a whole; those that are longer than the buffer come in pieces.
func (f *frames) next() ([]byte, error) {
	var frame []byte
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.frames.Read(buffer)
		frame = append(frame, buffer[:n]...)
		if !errors.Is(err, io.ErrShortBuffer) {
			return frame, err
		}
	}
}

// Close ends the watch.
func (f *frames) Close() error { return f.from.Close() }

// readLine gives an event that is JSON.
func readLine(frame []byte) (event metav1.WatchEvent, whole []byte, err error) {
	err = json.Unmarshal(frame, &event)
	return event, append(frame, '\n'), err
}

// readMessage gives an event that is a message of protocol buffers, with its length put back before it.
func readMessage(frame []byte) (event metav1.WatchEvent, whole []byte, err error) {
	if err := event.Unmarshal(frame); err != nil {
		return event, nil, err
	}
	var written bytes.Buffer
	_, err = protobuf.LengthDelimitedFramer.NewFrameWriter(&written).Write(frame)
	return event, written.Bytes(), err
}
