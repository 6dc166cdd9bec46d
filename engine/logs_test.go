package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheTimeOfDayOfALine(t *testing.T) {
	clock := func(hours, minutes, seconds int) time.Duration {
		return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
	}
	for line, want := range map[string]time.Duration{
		"2026-03-02T06:14:10.220Z panic: boom":              clock(6, 14, 10),
		"[2026-03-02 06:14:10 +0000] [1] [ERROR] boom":      clock(6, 14, 10),
		"E0302 06:14:10.220118       1 main.go:41] boom":    clock(6, 14, 10),
		`10.12.0.1 - - [02/Mar/2026:06:14:10 +0000] "GET /`: clock(6, 14, 10),
		`{"level":50,"time":1772432050220,"msg":"boom"}`:    clock(6, 14, 10),
		`{"level":"error","ts":1772432050.22,"msg":"boom"}`: clock(6, 14, 10),
		"00:00:00 begins": 0,
		"dial tcp 10.3.7.21:5432: connection refused": -1,
		"at relay.Tariffs.of(Tariffs.kt:41)":          -1,
		"99:99:99 is no time":                         -1,
		"1:02:03 has one figure":                      -1,
		"":                                            -1,
		":":                                           -1,
		"::::::::::":                                  -1,
		`{"time":17`:                                  -1,
	} {
		at, column := timeOfDay([]byte(line))
		if column < 0 {
			at = -1
		}
		assert.Equal(t, want, at, line)
	}
}

func TestOneClockStandsBehindLevelsOfAnyLength(t *testing.T) {
	_, short := timeOfDay([]byte("INFO 2026-03-02 06:14:10,220 ready"))
	_, long := timeOfDay([]byte("CRITICAL 2026-03-02 06:14:10,220 boom"))
	_, boxed := timeOfDay([]byte("[WARN]  2026-03-02 06:14:10,220 slow"))
	_, other := timeOfDay([]byte("[WARN] worker-7 2026-03-02 06:14:10,220 slow"))
	assert.Equal(t, short, long)
	assert.Equal(t, short, boxed)
	assert.NotEqual(t, short, other)
}

func FuzzTimeOfDay(f *testing.F) {
	f.Add("2026-03-02T06:14:10.220Z panic: boom")
	f.Add(`{"time":1772432050220}`)
	f.Fuzz(func(t *testing.T, line string) {
		if at, column := timeOfDay([]byte(line)); column >= len(line) || column >= 0 && (at < 0 || at >= 30*time.Hour) {
			t.Fatalf("%q is at %s, byte %d", line, at, column)
		}
	})
}
