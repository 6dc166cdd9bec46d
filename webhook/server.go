package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// Paths under which the registrations call the server.
const (
	MutatePath      = "/mutate"
	AuthorPath      = "/remediations/author"
	ValidatePath    = "/remediations/validate"
	shutdownOfPprof = time.Second
)

// Options are what a Server needs from outside.
type Options struct {
	// Config connects to the cluster. It is not changed.
	Config *rest.Config
	// Clients are the same connection for what has a typed client.
	Clients kubernetes.Interface
	// Listen and HealthListen are the addresses for reviews (TLS) and for probes, metrics and status (plain).
	// PprofListen is one for profiles; there is none when it is empty.
	Listen, HealthListen, PprofListen string
	// Certificate is where the serving certificate comes from.
	Certificate certs.Source
	// Configuration names the registrations (mutating and validating) that call the server. They must trust what is
	// served, or else it is not ready.
	Configuration string
	// ClientCAs, when given, are the authorities of the certificates that callers must show, and ClientNames the common
	// names of which they must have one; any when there are none.
	ClientCAs   *x509.CertPool
	ClientNames []string
	// Settings are the installation's.
	Settings *config.File
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
	options    Options
	informer   *remediations.Informer
	indexed    cache.ResourceEventHandlerRegistration
	namespaces namespaces
	healer     *healer
	trust      *certs.Trust
	extra      *registration
	handler    http.Handler
	warm       atomic.Bool
	stopping   atomic.Bool
}

// drain is how long requests under way may take after the listener is closed. The API server itself gives up
// after the registration's timeout of 2 s; connections that were not used yet are waited for up to 5 s
// (net/http, Server.Shutdown).
const drain = 10 * time.Second

// New connects and prepares the caches; nothing runs yet. It is an error when the options can't be used.
func New(options Options) (*Server, error) {
	own, err := remediations.NewClientset(options.Config)
	if err != nil {
		return nil, err
	}
	partial, err := metadata.NewForConfig(options.Config)
	if err != nil {
		return nil, fmt.Errorf("client for namespaces: %w", err)
	}
	s := &Server{options: options, informer: remediations.NewInformer(own, corev1.NamespaceAll, options.Clock)}
	if s.namespaces, err = newNamespaces(partial); err != nil {
		return nil, err
	}
	s.healer = &healer{index: NewIndex(), synced: s.synced, namespaces: s.namespaces.annotations, watcher: options.WatcherUser}
	s.healer.use(options.Settings.Current())
	if s.indexed, err = s.informer.AddEventHandler(s.healer.index); err != nil {
		return nil, fmt.Errorf("watch remediations: %w", err)
	}
	s.trust = &certs.Trust{
		Client: options.Clients, Configuration: options.Configuration, Source: options.Certificate, Clock: options.Clock, Log: options.Log,
	}
	s.extra = &registration{clients: options.Clients, name: options.Configuration, log: options.Log}
	s.handler = s.leaving(s.routes())
	s.register()
	return s, nil
}

// routes says who answers under which path.
func (s *Server) routes() http.Handler {
	counted := newMetrics(s.options.Metrics)
	guard := &guard{
		reviews: s.options.Clients.AuthorizationV1().SubjectAccessReviews(), watcher: s.options.WatcherUser,
		kinds: s.healer.current, metrics: counted, log: s.options.Log,
	}
	mux := http.NewServeMux()
	mux.Handle(MutatePath, newHandler(s.healer, counted, s.options.Log, s.options.Clock))
	mux.Handle(AuthorPath, guard.handler(guard.author))
	mux.Handle(ValidatePath, guard.handler(reading(guard.validate)))
	return mux
}

// register adds the metrics that are read off the server's parts.
func (s *Server) register() {
	for _, gauge := range []struct {
		prometheus.GaugeOpts
		read func() float64
	}{
		{
			prometheus.GaugeOpts{
				Name: "kube_remedy_certificate_not_after_seconds",
				Help: "When the serving certificate ends, in seconds since 1970; 0 when there is none.",
			}, func() float64 { return float64(max(0, s.options.Certificate.NotAfter().Unix())) },
		},
		{
			prometheus.GaugeOpts{
				Name: "kube_remedy_cache_heard_timestamp_seconds",
				Help: "When the API server was last heard of in the watch of Remediations, in seconds since 1970; about once a minute when nothing changes.",
			}, func() float64 { return float64(max(0, s.informer.Heard().Unix())) },
		},
		{
			prometheus.GaugeOpts{Name: "kube_remedy_cache_remediations", Help: "How many Remediations are known."},
			func() float64 { return float64(len(s.informer.GetIndexer().ListKeys())) },
		},
	} {
		s.options.Metrics.MustRegister(prometheus.NewGaugeFunc(gauge.GaugeOpts, gauge.read))
	}
	s.options.Settings.Register(s.options.Metrics)
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

var (
	errNotSynced = errors.New("the remediations and namespaces are not read yet")
	errNotWarm   = errors.New("warming up")
)

// synced reports whether everything that decides was read: what is not known yet must not look like nothing learned.
func (s *Server) synced() bool { return s.indexed.HasSynced() && s.namespaces.HasSynced() }

// Ready reports why reviews can't be answered with what was learned; nil when they can.
func (s *Server) Ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	if !s.synced() {
		return errNotSynced
	}
	if err := s.options.Certificate.Ready(); err != nil {
		return err
	}
	if err := s.trust.Ready(); err != nil {
		return err
	}
	if !s.warm.Load() {
		return errNotWarm
	}
	return nil
}

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
	s.trust.Dial = dialer(reviews.Addr())
	if s.options.PprofListen == "" {
		return s.serve(ctx, reviews, health)
	}
	profiles, err := listening.Listen(ctx, "tcp", s.options.PprofListen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for profiles: %w", err), reviews.Close(), health.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.serve(ctx, reviews, health) })
	group.Go(func() error {
		return process.Serve(ctx, &http.Server{Handler: process.Profiles(), ReadHeaderTimeout: 5 * time.Second}, profiles, shutdownOfPprof)
	})
	return group.Wait()
}

// dialer connects to an address that is listened on; one without a host by loopback.
func dialer(address net.Addr) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		to := address.String()
		if host, port, err := net.SplitHostPort(to); err == nil && net.ParseIP(host).IsUnspecified() {
			to = net.JoinHostPort("localhost", port)
		}
		var dialing net.Dialer
		return dialing.DialContext(ctx, "tcp", to)
	}
}

// serve runs everything on listeners that it closes.
func (s *Server) serve(ctx context.Context, reviews, health net.Listener) error {
	// What serves lives for ShutdownDelay longer than ctx, and as long as nothing fails.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { s.informer.RunWithContext(serving); return nil })
	group.Go(func() error { s.namespaces.RunWithContext(serving); return nil })
	group.Go(func() error { return s.options.Certificate.Run(serving) })
	group.Go(func() error { return s.trust.Run(serving) })
	group.Go(func() error { return s.warmUp(serving) })
	group.Go(func() error { return s.followSettings(serving) })
	group.Go(func() error {
		s.begin(serving)
		return process.Serve(serving, s.reviewServer(), reviews, drain)
	})
	group.Go(func() error {
		return process.Serve(serving, &http.Server{
			Handler:           process.Health{Ready: s.Ready, Metrics: s.options.Metrics, Status: s.status}.Handler(),
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: maxHeader,
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

// begin waits until reviews can be decided, for patience at most. A container that was started again is called before the
// cluster knows that the one before it ended. Who calls it in that time waits in the listener's queue, as long as an API
// server's own patience lasts, instead of going on without a cure.
func (s *Server) begin(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if !cache.WaitFor(ctx, "", s.indexed.HasSyncedChecker(), s.namespaces.HasSyncedChecker()) {
		return
	}
	again := s.options.Clock.NewTicker(askEvery)
	defer again.Stop()
	for s.options.Certificate.NotAfter().IsZero() {
		select {
		case <-ctx.Done():
			return
		case <-again.C():
		}
	}
}

const (
	// patience is less than what the check of the own certificate has for its connection (certs.Trust), and more than the
	// 2 s that the API server waits for a review. What can't begin until then can't soon: nobody is kept waiting for it.
	patience = 4 * time.Second
	// askEvery is how often it is asked whether there is a certificate.
	askEvery = 20 * time.Millisecond
)

// maxHeader bounds the header of a request, in bytes; the API server's has less than one KiB.
const maxHeader = 16 << 10

// reviewServer speaks HTTP/1.1 alone: it is what API servers speak to webhooks
// (k8s.io/apiserver/pkg/util/webhook/client.go sets NextProtos to http/1.1), and one review at a time on each of their
// kept connections costs less than HTTP/2's streams.
func (s *Server) reviewServer() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: s.handler, TLSConfig: s.tls(), Protocols: &protocols, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, // the API server keeps its connections for 90 s
		ErrorLog:    slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) tls() *tls.Config {
	settings := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.options.Certificate.GetCertificate}
	if s.options.ClientCAs == nil {
		return settings
	}
	settings.ClientAuth, settings.ClientCAs = tls.RequireAndVerifyClientCert, s.options.ClientCAs
	settings.VerifyConnection = func(state tls.ConnectionState) error {
		caller := state.PeerCertificates[0].Subject.CommonName
		if len(s.options.ClientNames) > 0 && !slices.Contains(s.options.ClientNames, caller) {
			return fmt.Errorf("client %q may not call", caller)
		}
		return nil
	}
	return settings
}

// followSettings takes over what changes in the configuration file, and keeps the rules of extra kinds right.
func (s *Server) followSettings(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.extra.run(ctx, s.options.Clock) })
	s.extra.want(s.options.Settings.Current().Kinds)
	group.Go(func() error {
		return s.options.Settings.Run(ctx, func(settings *config.Config) {
			s.healer.use(settings)
			s.extra.want(settings.Kinds)
		})
	})
	return group.Wait()
}

// Status is what the server tells of itself at /status.
type Status struct {
	Version      string     `json:"version"`
	Ready        string     `json:"ready"`
	Config       string     `json:"config"`
	Certificate  *time.Time `json:"certificateNotAfter,omitempty"`
	Heard        *time.Time `json:"cacheHeard,omitempty"`
	Remediations int        `json:"remediations"`
}

func (s *Server) status() any {
	told := Status{Version: process.Version(), Ready: "ok", Config: "ok", Remediations: len(s.informer.GetIndexer().ListKeys())}
	if err := s.Ready(); err != nil {
		told.Ready = err.Error()
	}
	if err := s.options.Settings.Err(); err != nil {
		told.Config = err.Error()
	}
	for _, at := range []struct {
		when time.Time
		into **time.Time
	}{{s.options.Certificate.NotAfter(), &told.Certificate}, {s.informer.Heard(), &told.Heard}} {
		if !at.when.IsZero() {
			when := at.when.UTC()
			*at.into = &when
		}
	}
	return told
}
