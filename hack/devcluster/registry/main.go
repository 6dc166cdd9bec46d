// Command registry serves container images to the development cluster from a directory, in plain HTTP.
// It stands in for every registry of the world: containerd asks it for docker.io/library/busybox as
// /v2/library/busybox/…?ns=docker.io, and it answers from its repository docker.io/library/busybox.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

func run() int {
	address := flag.String("address", "127.0.0.1:5000", "`host:port` to listen on")
	dir := flag.String("dir", "", "`directory` that keeps blobs and manifests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *address, *dir); err != nil {
		slog.Error("the registry ends", "error", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, address, dir string) error {
	if dir == "" {
		return errors.New("-dir is required")
	}
	handler, err := newStore(dir)
	if err != nil {
		return fmt.Errorf("opening the images in %s: %w", dir, err)
	}
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	slog.Info("serving images", "address", address, "dir", dir)
	go func() {
		<-ctx.Done()
		_ = server.Close() // pulls in flight are retried by whoever pulls
	}()
	if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
