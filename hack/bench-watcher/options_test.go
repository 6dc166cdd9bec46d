package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatTheCommandLineDoesNotSay(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want options
	}{
		{
			name: "a made-up cluster is large",
			want: options{size: size{150_000, 5_000, 2_500, 6, 20_000, 200}, rate: 10_000, marks: 10, during: 20 * time.Second},
		},
		{
			name: "a real one is small and slow, and has pods alone", args: []string{"-real"},
			want: options{size: size{20_000, 667, 200, 0, 0, 200}, rate: 100, marks: 2, during: time.Minute},
		},
		{
			name: "fewer pods need fewer of everything", args: []string{"-real", "-pods", "300"},
			want: options{size: size{300, 10, 3, 0, 0, 3}, rate: 100, marks: 2, during: time.Minute},
		},
		{
			name: "what is said holds", args: []string{"-real", "-pods=300", "-workloads=300", "-nodes=5", "-namespaces=7", "-rate=50", "-failing=1", "-during=9s"},
			want: options{size: size{300, 300, 5, 0, 0, 7}, rate: 50, marks: 1, during: 9 * time.Second},
		},
		{
			name: "what is said holds even where it is the other default", args: []string{"-real", "-rate", "10000", "-during", "1s"},
			want: options{size: size{20_000, 667, 200, 0, 0, 200}, rate: 10_000, marks: 2, during: time.Second},
		},
		{
			name: "at the lowest rate at most every update fails", args: []string{"-real", "-rate", "1"},
			want: options{size: size{20_000, 667, 200, 0, 0, 200}, rate: 1, marks: 1, during: time.Minute},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parse(c.args, io.Discard)
			require.NoError(t, err)
			c.want.real = len(c.args) > 0
			c.want.cores, c.want.rounds, c.want.portBase = 1, 1, 23_000
			require.Equal(t, c.want, o)
		})
	}
}

func TestWhatARealClusterCannotBeAskedFor(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-pods", "0"}, "must be positive"},
		{[]string{"-during", "0s"}, "must be positive"},
		{[]string{"-failing", "101"}, "between none and all of the 100 updates"},
		{[]string{"-pods", "20000", "-nodes", "100"}, "each takes 110 pods, so 20000 pods need 182 nodes"},
		{[]string{"-pods", "200"}, "120 pods would fail in 1 rounds, which is more than half of 200"},
		{[]string{"-pods", "300", "-rounds", "2"}, "240 pods would fail in 2 rounds"},
	} {
		_, err := parse(append([]string{"-real"}, c.args...), io.Discard)
		require.ErrorContains(t, err, c.says, c.args)
	}
}
