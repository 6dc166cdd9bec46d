package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestHeapOf(t *testing.T) {
	env := func(name, value string) corev1.Container {
		return corev1.Container{Env: []corev1.EnvVar{{Name: name, Value: value}}}
	}
	for _, test := range []struct {
		name      string
		container corev1.Container
		size      int64
		percent   float64
		setting   string
	}{
		{name: "no setting"},
		{name: "a JVM argument", container: corev1.Container{Args: []string{"java", "-Xmx1g", "-jar", "a.jar"}}, size: 1 << 30, setting: "-Xmx1g"},
		{name: "the last of several counts", container: corev1.Container{Command: []string{"java", "-Xmx1g", "-Xmx512M"}}, size: 512 << 20, setting: "-Xmx512M"},
		{name: "an argument outweighs the environment", container: corev1.Container{Env: []corev1.EnvVar{{Name: "JAVA_TOOL_OPTIONS", Value: "-Xmx2g"}}, Args: []string{"-Xmx64m"}}, size: 64 << 20, setting: "-Xmx64m"},
		{name: "bytes without a unit", container: env("JAVA_OPTS", "-Xmx1048576"), size: 1 << 20, setting: "-Xmx1048576"},
		{name: "the long name", container: env("JAVA_OPTS", "-XX:MaxHeapSize=256m"), size: 256 << 20, setting: "-XX:MaxHeapSize=256m"},
		{name: "a share of the limit", container: env("JDK_JAVA_OPTIONS", "-XX:MaxRAMPercentage=90.0"), percent: 90, setting: "-XX:MaxRAMPercentage=90.0"},
		{name: "Node.js", container: env("NODE_OPTIONS", "--max-old-space-size=4096"), size: 4 << 30, setting: "--max-old-space-size=4096"},
		{name: "Go", container: env("GOMEMLIMIT", "900MiB"), size: 900 << 20, setting: "GOMEMLIMIT=900MiB"},
		{name: "too large a number is none", container: env("JAVA_OPTS", "-Xmx99999999999999999999g"), setting: "-Xmx99999999999999999999g"},
	} {
		t.Run(test.name, func(t *testing.T) {
			size, percent, setting := heapOf(test.container)
			require.Equal(t, test.size, size)
			require.InDelta(t, test.percent, percent, 0)
			require.Equal(t, test.setting, setting)
		})
	}
}
