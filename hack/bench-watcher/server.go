package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
)

// server answers what the watcher asks of an API server, from a made-up cluster: watches that begin with all objects, as
// protobuf where the API server would, and the lease. Everything else does not exist.
type server struct {
	*cluster
	stamps   []*stamp // of pods, by workload
	protobuf runtime.Encoder
	leases   sync.Map // as stored, by path

	mutex   sync.Mutex
	version int64
	pods    func(*frames) error  // what the watch of pods goes on with; set by churn
	marked  map[string]time.Time // when a pod of the workload was to be seen failing
	lags    []time.Duration      // of the workloads that were asked for since
	wake    chan struct{}        // closed when pods is set
	sent    int                  // initial events of pods
	bytes   int64                // that these took
}

func newServer(of *cluster) (*server, error) {
	s := &server{
		cluster: of, protobuf: protobuf.NewSerializer(scheme.Scheme, nil), version: 1_000_000_000,
		marked: map[string]time.Time{}, wake: make(chan struct{}),
	}
	for w := range of.workloads {
		made, err := newStamp(of, w, s.protobuf)
		if err != nil {
			return nil, err
		}
		s.stamps = append(s.stamps, made)
	}
	return s, nil
}

func (s *server) next() int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.version++
	return s.version
}

// ServeHTTP tells requests apart.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1":
		s.watch(w, r)
	case strings.HasPrefix(path, "/apis/coordination.k8s.io/"):
		s.lease(w, r)
	case strings.HasSuffix(path, "/remediations") && r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{
			"apiVersion": "kube-remedy.io/v1alpha1", "kind": "RemediationList", "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{},
		})
	default:
		if _, name, ok := strings.Cut(path, "/deployments/"); ok {
			s.asked(name)
		}
		missing(w)
	}
}

func missing(w http.ResponseWriter) {
	writeJSON(w, http.StatusNotFound, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound,
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// asked notes that the watcher read a workload.
func (s *server) asked(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if at, ok := s.marked[name]; ok {
		s.lags = append(s.lags, time.Since(at))
		delete(s.marked, name)
	}
}

// lease keeps what was written last, whatever was there before: nobody else wants it.
func (s *server) lease(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		lease, ok := object.(metav1.Object)
		if !ok {
			http.Error(w, "not an object", http.StatusBadRequest)
			return
		}
		lease.SetResourceVersion(fmt.Sprint(s.next()))
		if r.Method == http.MethodPost {
			path += "/" + lease.GetName()
		}
		s.leases.Store(path, object)
	}
	object, ok := s.leases.Load(path)
	if !ok {
		missing(w)
		return
	}
	lease, _ := object.(runtime.Object)
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
	_ = s.protobuf.Encode(typed(lease, "coordination.k8s.io/v1", "Lease"), w)
}

// typed gives an object the type that stands in front of it on the wire.
func typed(object runtime.Object, apiVersion, kind string) runtime.Object {
	object.GetObjectKind().SetGroupVersionKind(metav1TypeMeta(apiVersion, kind).GroupVersionKind())
	return object
}

func metav1TypeMeta(apiVersion, kind string) *metav1.TypeMeta {
	return &metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

// watch answers a watch: all objects, the mark behind them, and what happens from then on.
func (s *server) watch(w http.ResponseWriter, r *http.Request) {
	flush := func() { _ = http.NewResponseController(w).Flush() }
	if strings.Contains(r.URL.Path, "/remediations") { // custom resources are not served as protobuf
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"type": watch.Bookmark, "object": map[string]any{
			"apiVersion": "kube-remedy.io/v1alpha1", "kind": "Remediation",
			"metadata": map[string]any{"resourceVersion": "1", "annotations": map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
		}})
		flush()
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf+";stream=watch")
	frame := &frames{to: w, encoder: s.protobuf, flush: flush, ended: r.Context()}
	resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	count, object, last := s.initial(resource, r.URL.Query().Get("fieldSelector"))
	for i := range count {
		if frame.send(watch.Added, object(i)) != nil || r.Context().Err() != nil {
			return
		}
	}
	if resource == "pods" {
		version := s.next()
		for i := range s.size.pods {
			if frame.stamp(s.stamps[i%s.workloads], watch.Added, s.variable(i, version)) != nil || r.Context().Err() != nil {
				return
			}
		}
	}
	meta, ok := last.(metav1.Object)
	if !ok {
		return
	}
	meta.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	meta.SetResourceVersion(fmt.Sprint(s.next()))
	if frame.send(watch.Bookmark, last) != nil {
		return
	}
	flush()
	if resource == "pods" {
		s.goOn(frame)
	}
	<-r.Context().Done()
}

// initial gives the objects of a kind, and one that is empty.
func (s *server) initial(resource, selector string) (count int, object func(int) runtime.Object, empty runtime.Object) {
	partial := &metav1.PartialObjectMetadata{TypeMeta: *metav1TypeMeta("meta.k8s.io/v1", "PartialObjectMetadata")}
	version := s.next()
	switch resource {
	case "pods":
		return 0, nil, typed(&corev1.Pod{}, "v1", "Pod") // of which there are stamps
	case "nodes":
		return s.nodes, func(i int) runtime.Object { return s.nodeObject(i, version) }, typed(&corev1.Node{}, "v1", "Node")
	case "events":
		count = s.events
		if strings.Contains(selector, "!=Pod") {
			count = 0
		}
		return count, func(i int) runtime.Object { return s.event(i, version) }, typed(&corev1.Event{}, "v1", "Event")
	case "deployments":
		return s.workloads, func(i int) runtime.Object { return s.deployment(i, version) }, partial
	case "replicasets":
		return s.workloads * s.revisions, func(i int) runtime.Object { return s.replicaSet(i, version) }, partial
	default:
		return 0, nil, partial
	}
}

// frames writes a watch in the form of protobuf: each event behind its length.
type frames struct {
	to      io.Writer
	encoder runtime.Encoder
	flush   func()
	ended   context.Context
	buffer  []byte
	written int64
}

func (f *frames) send(kind watch.EventType, object runtime.Object) error {
	raw, err := runtime.Encode(f.encoder, object)
	if err != nil {
		return err
	}
	in, err := front(kind, raw)
	if err != nil {
		return err
	}
	return f.write(append(in, raw...))
}

func (f *frames) stamp(by *stamp, kind watch.EventType, its variable) error {
	f.buffer = by.appendTo(f.buffer[:0], kind, its)
	return f.write(f.buffer)
}

func (f *frames) write(event []byte) error {
	f.written += int64(len(event))
	_, err := f.to.Write(event)
	return err
}

// goOn waits for churn, and lets it write to the watch of pods.
func (s *server) goOn(frame *frames) {
	s.mutex.Lock()
	s.sent, s.bytes = s.size.pods, frame.written
	wake := s.wake
	s.mutex.Unlock()
	select {
	case <-frame.ended.Done():
		return
	case <-wake:
	}
	s.mutex.Lock()
	churn := s.pods
	s.mutex.Unlock()
	_ = churn(frame)
}

// churned is what came of churn.
type churned struct {
	events int
	took   time.Duration
	lags   []time.Duration // of pods that began to fail
	marked int
	real   atRealServer
}

// atRealServer is what else came of churn where the API server is a real one.
type atRealServer struct {
	writes  []time.Duration // how long writing each failure took
	leftOut int             // updates that would have been too late
	others  int             // Remediations that no failure asked for
	silent  int             // nodes that counted as lost for a while
}

// churn sends updates of healthy pods at a rate, and now and then one of a pod that fails, each of another workload. An
// event is due at its time however late the ones before it were, and lags count from then.
func (s *server) churn(ctx context.Context, rate, marks int, during time.Duration) (churned, error) {
	var came churned
	done := make(chan error, 1)
	s.mutex.Lock()
	s.pods = func(frame *frames) error {
		begin := time.Now()
		total := int(during.Seconds() * float64(rate))
		every := rate / max(marks, 1)
		err := func() error {
			for ; came.events < total; time.Sleep(time.Millisecond) {
				for due := min(total, int(time.Since(begin).Seconds()*float64(rate))); came.events < due; came.events++ {
					var err error
					if marks > 0 && came.events%every == every-1 {
						i := came.marked % s.workloads // one pod each
						came.marked++
						s.mark(s.workload(i), begin.Add(time.Duration(float64(came.events)/float64(rate)*float64(time.Second))))
						err = frame.send(watch.Modified, s.failing(i, s.next()))
					} else {
						i := (came.events * 7919) % s.size.pods
						err = frame.stamp(s.stamps[i%s.workloads], watch.Modified, s.variable(i, s.next()))
					}
					if err != nil {
						return err
					}
				}
				frame.flush()
				if err := frame.ended.Err(); err != nil {
					return err
				}
			}
			return nil
		}()
		came.took = time.Since(begin)
		done <- err
		return err
	}
	close(s.wake)
	s.mutex.Unlock()
	select {
	case <-ctx.Done():
		return came, ctx.Err()
	case err := <-done:
		if err != nil {
			return came, fmt.Errorf("send events: %w", err)
		}
	}
	s.settle(ctx, 10*time.Second)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	came.lags = s.lags
	return came, nil
}

func (s *server) mark(workload string, at time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.marked[workload] = at
}

// settle waits until all that was marked was asked for, for at most the given time.
func (s *server) settle(ctx context.Context, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		s.mutex.Lock()
		left := len(s.marked)
		s.mutex.Unlock()
		if left == 0 {
			return
		}
	}
}

// perPod is the mean size of a pod on the wire; an error before all were sent.
func (s *server) perPod() (float64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.sent == 0 {
		return 0, errors.New("no watch of pods was answered")
	}
	return float64(s.bytes) / float64(s.sent), nil
}
