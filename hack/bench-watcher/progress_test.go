package main

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEachTellsWhatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		require.NoError(t, each(t.Context(), &told, "creating pods", 6, 2, func(context.Context, int) error {
			time.Sleep(900 * time.Millisecond)
			return nil
		}))
		require.Equal(t, "creating pods: 4 of 6 after 2s (2 a second)\ncreating pods: 6 of 6 after 3s (2 a second)\n", told.String())
		told.Reset()
		require.NoError(t, each(t.Context(), &told, "creating pods", 6, 6, func(context.Context, int) error { return nil }))
		require.Empty(t, told.String())
	})
}

func TestEachEndsWithTheFirstError(t *testing.T) {
	var calls atomic.Int32
	err := each(t.Context(), &bytes.Buffer{}, "creating pods", 1000, 1, func(_ context.Context, i int) error {
		calls.Add(1)
		if i == 3 {
			return errors.New("no room")
		}
		return nil
	})
	require.EqualError(t, err, "creating pods: no room")
	require.Equal(t, int32(4), calls.Load())
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, each(ended, &bytes.Buffer{}, "creating pods", 10, 1, func(context.Context, int) error { return nil }), context.Canceled)
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		asked := 0
		require.NoError(t, until(t.Context(), &told, "nodes are ready", time.Minute, func(context.Context) (bool, error) { asked++; return asked == 12, nil }))
		require.Equal(t, "waiting until nodes are ready, 2s so far\n", told.String())
		never := func(context.Context) (bool, error) { return false, nil }
		require.EqualError(t, until(t.Context(), &told, "nodes are ready", time.Second, never), "wait until nodes are ready: not within 1s")
		failing := func(context.Context) (bool, error) { return false, errors.New("refused") }
		require.EqualError(t, until(t.Context(), &told, "nodes are ready", time.Second, failing), "wait until nodes are ready: refused")
	})
}
