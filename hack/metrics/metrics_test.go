package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePageHasEveryMetricOfTheSources(t *testing.T) {
	document := filepath.Join(t.TempDir(), "metrics.md")
	require.NoError(t, run("../..", document))
	page, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, pattern := range []string{"../../webhook/*.go", "../../eventwatcher/*.go", "../../internal/*/*.go", "../../cmd/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, name := range regexp.MustCompile(`"(kube_remedy_[a-z_]+)"`).FindAllSubmatch(text, -1) {
				require.Regexp(t, "`"+string(name[1])+"[`{]", string(page), file)
			}
		}
	}
}

func TestMetricsAreReadOffTheSources(t *testing.T) {
	folder := t.TempDir()
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "metrics.go"), []byte("package p\n"+text), 0o600))
	}
	t.Run("with their labels", func(t *testing.T) {
		write("var a = prometheus.NewCounterVec(prometheus.CounterOpts{Name: \"kube_remedy_b\", Help: \"Says `it`.\"}, []string{\"x\", \"y\"})\n" +
			"var b = prometheus.NewGauge(prometheus.GaugeOpts{Name: \"kube_remedy_a\", Help: \"One.\", ConstLabels: prometheus.Labels{\"version\": v}})\n" +
			"var c = prometheus.NewDesc(\"kube_remedy_c\", \"Three.\", []string{\"z\"}, nil)\n")
		found, err := metricsOf(folder)
		require.NoError(t, err)
		require.Equal(t, []metric{
			{"kube_remedy_a", "gauge", "One.", []string{"version"}},
			{"kube_remedy_b", "counter", "Says `it`.", []string{"x", "y"}},
			{"kube_remedy_c", "gauge", "Three.", []string{"z"}},
		}, found)
	})
	t.Run("and not without a help", func(t *testing.T) {
		write("var a = prometheus.NewGauge(prometheus.GaugeOpts{Name: \"kube_remedy_a\", Help: help})\n")
		_, err := metricsOf(folder)
		require.EqualError(t, err, `metric "kube_remedy_a" has no literal help, or a name without our prefix`)
	})
	t.Run("and none is a mistake", func(t *testing.T) {
		write("")
		_, err := metricsOf(folder)
		require.EqualError(t, err, "it defines no metrics")
	})
}
