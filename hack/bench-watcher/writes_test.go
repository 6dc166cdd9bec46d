package main

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatPasses(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	timeout := apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
	require.True(t, passing(timeout))
	require.True(t, passing(fmt.Errorf("create pod: %w", timeout)))
	require.True(t, passing(apierrors.NewTooManyRequests("busy", 1)))
	require.True(t, passing(apierrors.NewConflict(pods, "web", errors.New("changed"))))
	require.False(t, passing(apierrors.NewNotFound(pods, "web")))
	require.False(t, passing(apierrors.NewAlreadyExists(pods, "web")))
	require.False(t, passing(errors.New("no route to host")))
	require.False(t, passing(nil))
}

func TestCreateIsTriedAgain(t *testing.T) {
	exists := apierrors.NewAlreadyExists(schema.GroupResource{Resource: "pods"}, "web")
	busy := apierrors.NewTooManyRequests("busy", 1)
	for _, c := range []struct {
		name    string
		answers []error
		want    error
	}{
		{"what is created at once", []error{nil}, nil},
		{"what a failed try created is there", []error{busy, exists}, nil},
		{"what was there before is in the way", []error{exists}, exists},
		{"what never succeeds", []error{busy, busy, busy, busy, busy, busy}, busy},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				err := create(t.Context(), func() error { tries++; return c.answers[tries-1] })
				require.Equal(t, c.want, err)
				require.Len(t, c.answers, tries)
			})
		})
	}
}
