package eventwatcher

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// onWire is an object as the API server sends it.
func onWire(t *testing.T, object runtime.Object, kind string) []byte {
	t.Helper()
	object.GetObjectKind().SetGroupVersionKind((&metav1.TypeMeta{APIVersion: "v1", Kind: kind}).GroupVersionKind())
	message, err := runtime.Encode(protobuf.NewSerializer(scheme.Scheme, nil), object)
	require.NoError(t, err)
	return message
}

// frameOf is an event as the API server sends it.
func frameOf(t *testing.T, kind watch.EventType, object []byte) []byte {
	t.Helper()
	event, err := (&metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: object}}).Marshal()
	require.NoError(t, err)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(event))), event...)
}

func TestAWatchOfPodsIsDecoded(t *testing.T) {
	stream := frameOf(t, watch.Added, onWire(t, healthyPod("a", noon), "Pod"))
	stream = append(stream, frameOf(t, watch.Modified, onWire(t, failingPod("shop", "OOMKilled", 137), "Pod"))...)
	stream = append(stream, frameOf(t, watch.Error, onWire(t, &metav1.Status{Code: http.StatusGone, Reason: metav1.StatusReasonExpired}, "Status"))...)
	events := newPodEvents(io.NopCloser(bytes.NewReader(append(stream, stream[:4]...))))

	kind, object, err := events.Decode()
	require.NoError(t, err)
	require.Equal(t, watch.Added, kind)
	first := object.(*pod)
	kind, object, err = events.Decode()
	require.NoError(t, err)
	require.Equal(t, watch.Modified, kind)
	require.True(t, object.(*pod).troubled)
	require.Equal(t, "a", first.name(), "nothing of an event is written over by the next")
	kind, object, err = events.Decode()
	require.NoError(t, err)
	require.Equal(t, watch.Error, kind)
	require.True(t, apierrors.IsResourceExpired(apierrors.FromObject(object)))
	_, _, err = events.Decode()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = newPodEvents(io.NopCloser(bytes.NewReader(nil))).Decode()
	require.ErrorIs(t, err, io.EOF)
}

func TestEventsThatCanNotBeReadAreErrors(t *testing.T) {
	whole := onWire(t, healthyPod("a", noon), "Pod")
	for name, stream := range map[string][]byte{
		"an event of 4 GiB":        {0xff, 0xff, 0xff, 0xff},
		"one that is not protobuf": {0, 0, 0, 1, 0xff},
		"JSON in protobuf":         frameOf(t, watch.Added, []byte(`{"kind":"Pod"}`)),
		"half a pod":               frameOf(t, watch.Added, whole[:len(whole)/2]),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := newPodEvents(io.NopCloser(bytes.NewReader(stream))).Decode()
			require.Error(t, err)
		})
	}
}

func TestTheCacheOfPodsIsFilledByAWatchOrElseByLists(t *testing.T) {
	for name, streams := range map[string]bool{"a server that streams": true, "a server that does not": false} {
		t.Run(name, func(t *testing.T) {
			a, b := healthyPod("a", noon), healthyPod("b", noon)
			b.ResourceVersion = "19"
			added := frameOf(t, watch.Added, onWire(t, a, "Pod"))
			mark := frameOf(t, watch.Bookmark, onWire(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
				ResourceVersion: "18", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
			}}, "Pod"))
			late := frameOf(t, watch.Added, onWire(t, b, "Pod"))
			refused := onWire(t, &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid}, "Status")
			list := onWire(t, &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "18"}, Items: []corev1.Pod{*a}}, "PodList")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
				watches, initial := r.URL.Query().Get("watch") != "", r.URL.Query().Get("sendInitialEvents") == "true"
				switch {
				case !watches:
					_, _ = w.Write(list)
					return
				case initial && !streams:
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = w.Write(refused)
					return
				case initial:
					_, _ = w.Write(append(bytes.Clone(added), mark...))
				}
				_, _ = w.Write(late)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			defer server.Close()
			informer, err := newPodInformer(&rest.Config{Host: server.URL}, metav1.NamespaceAll)
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer stop()
			running.Go(func() { informer.RunWithContext(ctx) })
			require.Eventually(t, func() bool { return informer.HasSynced() && len(informer.GetIndexer().ListKeys()) == 2 }, 30*time.Second, time.Millisecond)
			require.ElementsMatch(t, []string{"shop/a", "shop/b"}, informer.GetIndexer().ListKeys())
			found, err := podsOf(informer.GetIndexer(), []types.UID{"set"})
			require.NoError(t, err)
			require.Len(t, found, 2)
		})
	}
}
