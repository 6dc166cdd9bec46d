package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// serve opens the ports of the health checks after their delay and serves until the end of ctx. It
// returns at once when a port cannot be opened, and nil when none was asked for.
func serve(ctx context.Context, o options, log *slog.Logger) error {
	if o.httpPort == 0 && o.grpcPort == 0 && o.tcpPort == 0 || !sleep(ctx, o.listenDelay) {
		return nil
	}
	ended := make(chan error, 3)
	for _, one := range []struct {
		what  string
		port  int
		serve func(context.Context, options, net.Listener) error
	}{{"HTTP", o.httpPort, serveHTTP}, {"gRPC", o.grpcPort, serveGRPC}, {"TCP", o.tcpPort, serveTCP}} {
		if one.port == 0 {
			continue
		}
		socket, err := net.Listen("tcp", ":"+strconv.Itoa(one.port))
		if err != nil {
			return err
		}
		defer socket.Close()
		log.Info("listening", "protocol", one.what, "port", one.port)
		go func() { ended <- one.serve(ctx, o, socket) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

func serveHTTP(_ context.Context, o options, socket net.Listener) error {
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: httpHandler(o)}
	return server.Serve(socket)
}

func httpHandler(o options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !sleep(r.Context(), o.httpLatency) {
			return // the prober has given up
		}
		if r.URL.Path != o.httpPath {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(o.httpStatus)
		fmt.Fprintln(w, http.StatusText(o.httpStatus))
	})
}

func serveGRPC(_ context.Context, o options, socket net.Listener) error {
	checks := health.NewServer()
	checks.SetServingStatus("", grpc_health_v1.HealthCheckResponse_ServingStatus(grpc_health_v1.HealthCheckResponse_ServingStatus_value[o.grpcStatus]))
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, checks)
	return server.Serve(socket)
}

func serveTCP(_ context.Context, _ options, socket net.Listener) error {
	for {
		connection, err := socket.Accept()
		if err != nil {
			return err
		}
		connection.Close()
	}
}
