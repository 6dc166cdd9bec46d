package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// checkFor is how long `check` goes on asking, and checkEvery how long it waits in between.
const (
	checkFor   = 30 * time.Second
	checkEvery = time.Second
)

// check asks each URL until it answers with 200 OK: `kube-remedy-webhook check URL…`. It is what helm test runs,
// because the image has no other program.
func check(ctx context.Context, urls []string, out io.Writer) error {
	if len(urls) == 0 {
		return errors.New("check: no URL to ask")
	}
	ctx, stop := context.WithTimeout(ctx, checkFor)
	defer stop()
	for _, url := range urls {
		if err := checkOne(ctx, url); err != nil {
			return fmt.Errorf("check: %w", err)
		}
		fmt.Fprintln(out, "ok", url)
	}
	return nil
}

func checkOne(ctx context.Context, url string) error {
	again := time.NewTicker(checkEvery)
	defer again.Stop()
	for {
		err := ask(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}

// ask is an error unless the URL answers with 200 OK.
func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", url, response.Status, text)
	}
	return err
}
