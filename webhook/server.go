package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// Options are what a Server needs from outside.
type Options struct {
	// Config connects to the cluster. It is not changed.
	Config *rest.Config
	// Listen and HealthListen are the addresses for reviews (TLS) and for probes and metrics (plain).
	Listen, HealthListen string
	// Namespace and Secret say where the certificate is kept, Configuration which registration trusts it, and
	// Names under which names the API server calls.
	Namespace, Secret, Configuration string
	Names                            certs.Names
	// WatcherUser is the event watcher's user name, whose writes are not applies.
	WatcherUser string
	// ShutdownDelay is how long the server goes on serving after it stopped being ready, until nobody calls it
	// any more.
	ShutdownDelay time.Duration
	// Log, Metrics and Clock are where lines and figures go and where the time comes from.
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Clock   clock.WithTicker
}

// Server is the webhook. New makes one, Run runs it.
type Server struct {
	options  Options
	informer *remediations.Informer
	certs    certs.Source
	handler  http.Handler
	stopping atomic.Bool
}

// drain is how long requests under way may take after the listener is closed. The API server itself gives up
// after the registration's timeout of 2 s; connections that were not used yet are waited for up to 5 s
// (net/http, Server.Shutdown).
const drain = 10 * time.Second

// New connects and prepares the cache; nothing runs yet. It is an error when the options can't be used.
func New(options Options) (*Server, error) {
	if len(options.Names.DNS)+len(options.Names.IP) == 0 {
		return nil, errors.New("the serving certificate needs at least one DNS name or IP address")
	}
	clients, err := kubernetes.NewForConfig(options.Config)
	if err != nil {
		return nil, fmt.Errorf("client for certificates: %w", err)
	}
	own, err := remediations.NewClientset(options.Config)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:  options,
		informer: remediations.NewInformer(own),
		certs: &certs.SelfManaged{
			Client: clients, Namespace: options.Namespace, Secret: options.Secret, Configuration: options.Configuration,
			Names: options.Names, Clock: options.Clock, Log: options.Log,
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/mutate", s.leaving(&Handler{
		healer: healer{remediations: synced{s.informer}, watcher: options.WatcherUser}, metrics: newMetrics(options.Metrics),
		log: options.Log, clock: options.Clock,
	}))
	s.handler = mux
	options.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kube_remedy_certificate_not_after_seconds", Help: "When the serving certificate ends, in seconds since 1970; 0 when there is none.",
	}, func() float64 { return float64(max(0, s.certs.NotAfter().Unix())) }))
	return s, nil
}

// leaving ends each connection with its next answer once the server is stopping: API servers keep connections,
// and are elsewhere before the listener is gone. Closing idle ones at once instead
// (http.Server.SetKeepAlivesEnabled) would fail the review that is just being sent on one.
func (s *Server) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Ready reports why reviews can't be answered with what was learned; nil when they can.
func (s *Server) Ready() error {
	switch {
	case s.stopping.Load():
		return errors.New("stopping")
	case !s.informer.HasSynced():
		return errNotSynced
	default:
		return s.certs.Ready()
	}
}

// synced finds Remediations once all of them were read: what is not known yet must not look like nothing learned.
type synced struct{ *remediations.Informer }

func (s synced) For(target remediations.Target) ([]*v1alpha1.Remediation, error) {
	if !s.HasSynced() {
		return nil, errNotSynced
	}
	return s.Informer.For(target)
}

var errNotSynced = errors.New("the remediations are not read yet")

// Run serves until ctx ends. Then it is not ready, goes on serving for ShutdownDelay, finishes what is under way
// and returns nil. It is an error when an address can't be listened on or a server fails.
func (s *Server) Run(ctx context.Context) error {
	var listening net.ListenConfig
	reviews, err := listening.Listen(ctx, "tcp", s.options.Listen)
	if err != nil {
		return fmt.Errorf("listen for reviews: %w", err)
	}
	health, err := listening.Listen(ctx, "tcp", s.options.HealthListen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for health: %w", err), reviews.Close())
	}
	return s.serve(ctx, reviews, health)
}

// serve runs everything on listeners that it closes.
func (s *Server) serve(ctx context.Context, reviews, health net.Listener) error {
	// What serves lives for ShutdownDelay longer than ctx, and as long as nothing fails.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { s.informer.RunWithContext(serving); return nil })
	group.Go(func() error { return s.certs.Run(serving) })
	server := &http.Server{
		Handler: s.handler, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certs.GetCertificate},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, // the API server keeps its connections for 90 s
		ErrorLog:    slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	group.Go(func() error { return process.Serve(serving, server, reviews, drain) })
	group.Go(func() error {
		return process.Serve(serving, &http.Server{
			Handler:           process.Health{Ready: s.Ready, Metrics: s.options.Metrics}.Handler(),
			ReadHeaderTimeout: 5 * time.Second,
		}, health, drain)
	})
	group.Go(func() error {
		select {
		case <-serving.Done(): // something failed
			return nil
		case <-ctx.Done():
		}
		s.stopping.Store(true)
		s.options.Log.Info("stopping: not ready from now on, still serving", "for", s.options.ShutdownDelay)
		left := s.options.Clock.NewTimer(s.options.ShutdownDelay)
		defer left.Stop()
		select {
		case <-serving.Done():
		case <-left.C():
		}
		stop()
		return nil
	})
	return group.Wait()
}
