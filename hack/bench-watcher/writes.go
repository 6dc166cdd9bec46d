package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
)

// again is how often a write is tried, and how long after the one before: among tens of thousands that bring a machine to
// its limits one fails now and then.
var again = wait.Backoff{Steps: 6, Duration: 200 * time.Millisecond, Factor: 2}

// persistently writes something, again if the API server could not for the moment.
func persistently(ctx context.Context, write func() error) error {
	return retry.OnError(again, func(err error) bool { return ctx.Err() == nil && passing(err) }, write)
}

// create creates an object persistently. One that a failed try did create is not an error.
func create(ctx context.Context, write func() error) error {
	tries := 0
	return persistently(ctx, func() error {
		tries++
		err := write()
		if tries > 1 && apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
}

// passing reports whether an error of the API server says nothing about the write itself.
func passing(err error) bool {
	if apierrors.IsConflict(err) {
		return true
	}
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return false
	}
	code := answer.Status().Code
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
}
