package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxBody is far more than an AdmissionReview has; etcd takes no object above 1.5 MiB.
const maxBody = 8 << 20

// server is a webhook that allows everything and remembers what it was asked.
type server struct {
	http   *http.Server
	url    string
	bundle []byte // the authority of its certificate, as PEM
	ended  chan error

	mu      sync.Mutex
	reviews []review
	errs    []error
}

// serve starts a server on a free port of host.
func serve(host string) (*server, error) {
	certificate, bundle, err := selfSigned(host, time.Now())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for reviews: %w", err)
	}
	s := &server{url: "https://" + listener.Addr().String(), bundle: bundle, ended: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /objects", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, false) })
	mux.HandleFunc("POST /subresources", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, true) })
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { s.ended <- s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

// answer allows a request and remembers it, if it is of the sort that the path is for.
func (s *server) answer(w http.ResponseWriter, r *http.Request, subresources bool) {
	received, err := receive(r)
	if err != nil {
		s.fail(err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if subresources == (received.subresource != "") {
		s.mu.Lock()
		s.reviews = append(s.reviews, received)
		s.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	err = json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Response: &admissionv1.AdmissionResponse{UID: received.uid, Allowed: true},
	})
	if err != nil {
		s.fail(fmt.Errorf("answer a review: %w", err))
	}
}

func receive(r *http.Request) (review, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return review{}, fmt.Errorf("receive a review: %w", err)
	}
	return readReview(body)
}

func (s *server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// arrived gives the reviews that arrived after the first n.
func (s *server) arrived(n int) []review {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reviews[n:len(s.reviews):len(s.reviews)]
}

// stop ends the server and gives what went wrong while it ran.
func (s *server) stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(append(s.errs, err)...)
}
