package catalog

import (
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Where programs take the size of their heap from.
var (
	jvmHeap    = regexp.MustCompile(`-Xmx(\d+)([kKmMgGtT]?)|-XX:MaxHeapSize=(\d+)([kKmMgGtT]?)`)
	jvmPercent = regexp.MustCompile(`-XX:MaxRAMPercentage=(\d+(?:\.\d+)?)`)
	nodeHeap   = regexp.MustCompile(`--max[-_]old[-_]space[-_]size[= ](\d+)`)
	goLimit    = regexp.MustCompile(`^(\d+)(B|KiB|MiB|GiB|TiB)?$`)
)

var suffixes = map[string]int64{
	"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// heapOf gives the heap that a container's command, arguments or environment set, in bytes, or as percent of the
// memory limit, with the setting as it is written; zero where none is. The last setting of a JVM is the one that
// counts, and its arguments outweigh the environment.
func heapOf(container corev1.Container) (size int64, percent float64, setting string) {
	written := make([]string, 0, 4)
	for _, variable := range container.Env {
		switch variable.Name {
		case "GOMEMLIMIT":
			if found := goLimit.FindStringSubmatch(variable.Value); found != nil {
				size, setting = scaled(found[1], found[2]), "GOMEMLIMIT="+variable.Value
			}
		default:
			if strings.Contains(variable.Value, "-X") || strings.Contains(variable.Value, "--max") {
				written = append(written, variable.Value)
			}
		}
	}
	written = append(written, strings.Join(container.Command, " "), strings.Join(container.Args, " "))
	for _, text := range written {
		for _, found := range jvmHeap.FindAllStringSubmatch(text, -1) {
			size, setting = scaled(found[1]+found[3], found[2]+found[4]), found[0]
		}
		for _, found := range nodeHeap.FindAllStringSubmatch(text, -1) {
			size, setting = scaled(found[1], "m"), found[0]
		}
		for _, found := range jvmPercent.FindAllStringSubmatch(text, -1) {
			if parsed, err := strconv.ParseFloat(found[1], 64); err == nil && parsed <= 100 {
				percent = parsed
				if size == 0 {
					setting = found[0]
				}
			}
		}
	}
	return size, percent, setting
}

// scaled gives a number with a suffix in bytes; zero for what is too large to be one.
func scaled(number, suffix string) int64 {
	parsed, err := strconv.ParseInt(number, 10, 64)
	unit := suffixes[strings.ToLower(suffix)]
	if err != nil || unit == 0 || parsed > (1<<62)/unit {
		return 0
	}
	return parsed * unit
}
