package eventwatcher

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// newPodInformer gives an informer of the pods of a namespace, or of all when it is empty. Its client understands pods and nothing else, and those as protobuf only.
// The cache is filled from a watch where the API server can begin one with all objects, and else from a list: client-go
// sees to that.
func newPodInformer(config *rest.Config, namespace string) (cache.SharedIndexInformer, error) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(corev1.SchemeGroupVersion.WithKind("Pod"), &pod{})
	scheme.AddKnownTypeWithName(corev1.SchemeGroupVersion.WithKind("PodList"), &podList{})
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	own := rest.CopyConfig(config)
	own.APIPath, own.GroupVersion = "/api", &corev1.SchemeGroupVersion
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	own.ContentType, own.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	client, err := rest.RESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("client for the cache of pods: %w", err)
	}
	all := func(options metav1.ListOptions) *rest.Request {
		return client.Get().NamespaceIfScoped(namespace, namespace != metav1.NamespaceAll).Resource("pods").VersionedParams(&options, metav1.ParameterCodec)
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return all(options).Do(ctx).Get()
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.Watch = true
			body, err := all(options).Stream(ctx)
			if err != nil {
				return nil, err
			}
			return watch.NewStreamWatcherWithLogger(klog.FromContext(ctx), newPodEvents(body),
				apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding")), nil
		},
	}
	return cache.NewSharedIndexInformer(source, &pod{}, 0, podIndexers), nil
}

// Bounds of what is read of a watch.
const (
	// readAhead is what is read at once, at most. HTTP/2 answers reads with frames that let the server send as much again,
	// so that reading event by event is dear.
	readAhead = 64 << 10
	// maxPodEvent is the size of an event, at most, as in client-go (apimachinery/pkg/runtime/serializer/streaming).
	maxPodEvent = 16 << 20
)

// podEvents decodes a watch of pods. Unlike client-go's decoder it copies nothing of an event but what is kept.
type podEvents struct {
	body  io.Closer
	from  *bufio.Reader
	frame []byte // the last event
}

func newPodEvents(body io.ReadCloser) *podEvents {
	return &podEvents{body: body, from: bufio.NewReaderSize(body, readAhead)}
}

// Close ends the watch.
func (e *podEvents) Close() { _ = e.body.Close() }

// Decode gives the next event. Each stands behind its length in four bytes.
func (e *podEvents) Decode() (watch.EventType, runtime.Object, error) {
	var length [4]byte
	if _, err := io.ReadFull(e.from, length[:]); err != nil {
		return "", nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxPodEvent {
		return "", nil, fmt.Errorf("an event of %d bytes is too long", size)
	}
	e.frame = slices.Grow(e.frame[:0], int(size))[:size]
	if _, err := io.ReadFull(e.from, e.frame); err != nil {
		if err == io.EOF { // between the length and what it is of
			err = io.ErrUnexpectedEOF
		}
		return "", nil, err
	}
	var kind watch.EventType
	var object []byte
	err := eachField(e.frame, func(number protowire.Number, _, value []byte) (err error) {
		switch number {
		case 1: // type
			kind = watch.EventType(value)
		case 2: // object, whose only field are its bytes
			object, err = lengthy(value, 1)
		}
		return err
	})
	if err != nil {
		return "", nil, fmt.Errorf("decode an event of a pod: %w", err)
	}
	decoded, err := decodeObject(kind, object)
	return kind, decoded, err
}

// protobufMagic stands in front of every object (apimachinery/pkg/runtime/serializer/protobuf).
var protobufMagic = []byte("k8s\x00")

func decodeObject(kind watch.EventType, object []byte) (runtime.Object, error) {
	envelope, ok := bytes.CutPrefix(object, protobufMagic)
	if !ok {
		return nil, fmt.Errorf("the object of a %s event is not in protobuf", kind)
	}
	raw, err := lengthy(envelope, 2) // of runtime.Unknown
	if err != nil {
		return nil, fmt.Errorf("decode an event of a pod: %w", err)
	}
	if kind == watch.Error {
		status := &metav1.Status{}
		return status, status.Unmarshal(raw)
	}
	small := &pod{}
	return small, small.Unmarshal(raw)
}

// lengthy gives one field of a message that has a length; nothing when it is not there.
func lengthy(message []byte, wanted protowire.Number) (found []byte, err error) {
	err = eachField(message, func(number protowire.Number, _, value []byte) error {
		if number == wanted {
			found = value
		}
		return nil
	})
	return found, err
}
