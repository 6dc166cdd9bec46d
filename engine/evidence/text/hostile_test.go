package text

import (
	"strings"
	"testing"
	"time"
)

// aMoment is the time at which the texts of tests are read.
var aMoment = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// hostile are texts of about a MiB that were made to look far ahead, nest deep, claim much or repeat themselves.
func hostile() map[string]string {
	const size = 1 << 20
	repeat := func(text string) string { return strings.Repeat(text, size/len(text)+1) }
	described := "Name:  a\nNamespace:  b\n"
	bomb := "apiVersion: v1\nkind: Pod\nmetadata:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for _, level := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		before := string(level[0] - 1)
		bomb += "  a" + level + ": &a" + level + " [" + strings.Repeat("*a"+before+",", 9) + "]\n"
	}
	return map[string]string{
		"empty lines":                       repeat("\n"),
		"one long line":                     repeat("x"),
		"boxes":                             repeat("│ a │\n"),
		"boxes that are full":               repeat("│a│\n"),
		"edges of boxes":                    repeat("───\n"),
		"pipes":                             "|--|\n" + repeat("|a|b|c|\n"),
		"one long row of pipes":             "|--|\n|" + repeat("a|"),
		"tables behind times":               repeat("10:00:01 NAME READY STATUS RESTARTS AGE\n"),
		"lines behind one head":             "10:00:01 x NAME READY STATUS RESTARTS AGE\n" + repeat("10:00:01 x a 0/1 Error 0 1d\n"),
		"heads that are none":               repeat("x Name: a\n"),
		"arrows":                            repeat("a  <-- b <== c <- \n"),
		"bold letters":                      repeat("**a** "),
		"entities":                          repeat("&lt;&amp;"),
		"one long word of a prompt":         "$ kubectl logs " + repeat("x"),
		"names":                             repeat("Name: a\n"),
		"descriptions":                      repeat(described),
		"messages without exit codes":       described + "Containers:\n  c:\n" + repeat("    State: Terminated\n      Message: x\n"),
		"messages of a pod":                 described + repeat("Message: x\ny\n"),
		"labels":                            described + "Labels: a=b\n" + repeat("        a=b\n"),
		"an annotation":                     described + "Annotations:  a:\n" + repeat("                   x\n") + "Containers:\n",
		"containers":                        described + "Containers:\n" + repeat("  c:\n    State: Waiting\n"),
		"nested sections":                   described + "Containers:\n" + stairs(size),
		"events with long messages":         described + "Containers:\n  c:\n    Image: i\nEvents:\n" + repeat("  Warning  Failed  1s  kubelet  x\nmore\n"),
		"events of many containers":         described + "Containers:\n" + strings.Repeat("  c:\n    Image: i\n", 20000) + "Events:\n" + repeat("  Warning  Failed  1s  kubelet  Error: x\n"),
		"headers of events":                 repeat("Events:\n  Type Reason Age From Message\n"),
		"headers of tables":                 repeat("NAME READY STATUS RESTARTS AGE\n"),
		"a table of many columns":           "NAME READY STATUS RESTARTS AGE" + strings.Repeat(" X", 490) + "\n" + repeat("a 1/1 Running 0 1d\n"),
		"rows":                              "NAME READY STATUS RESTARTS AGE\n" + repeat("a 1000/1000 Error 0 1d\n"),
		"rows of wide characters":           "NAME READY STATUS RESTARTS AGE\n" + repeat("ä 1/1 Error 0 1d\n"),
		"manifests":                         repeat("apiVersion: v1\nkind: Pod\n"),
		"separators":                        repeat("---\n"),
		"separators and comments":           repeat("---\n#\n#\n#\n"),
		"an alias bomb":                     bomb,
		"nested lists of YAML":              "apiVersion: v1\nkind: Pod\nmetadata: " + repeat("["),
		"nested blocks of YAML":             "apiVersion: v1\nkind: Pod\nmetadata:\n  a:\n    " + repeat("- "),
		"anchors":                           "apiVersion: v1\nkind: Pod\nmetadata: " + repeat("&a "),
		"quotes of YAML":                    "apiVersion: v1\nkind: Pod\nmetadata: \"" + repeat("\\\n "),
		"colons of YAML":                    "apiVersion: v1\nkind: Pod\n" + repeat("a: b: "),
		"keys of YAML":                      "apiVersion: v1\nkind: Pod\nmetadata:\n" + repeat("  ? a\n"),
		"items":                             "apiVersion: v1\nkind: List\nitems:\n" + repeat("- a: b\n"),
		"open objects":                      repeat("{\"kind\":\n"),
		"open lists":                        repeat("[\n{\"kind\":[\n"),
		"open strings":                      repeat("{\"kind\":\"\n"),
		"lists of lists":                    repeat("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["),
		"a number of many digits":           `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"overhead":{"memory":"` + repeat("9") + `Ei"}}}`,
		"a number with a negative exponent": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"overhead":{"memory":"1e-999999999"}}}`,
		"the same in YAML":                  "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {overhead: {memory: 1e-999999999}}\n",
		"the same in a description":         described + "Containers:\n  c:\n    Image: i\n    Limits:\n      memory: 1e-999999999\n",
		"the same in a table":               "NAME AGE REQUEST LIMIT\na 1d cpu: 1e-999999999/1e-999999999 x\n",
		"the same in a claim":               "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS AGE\na Bound v 1e-999999999 RWO c 1d\n",
		"open errors of klog":               repeat("E1124 00:00:00.000000    1 pod_workers.go:1] \"x\" err=<\n"),
		"failures in one line":              "E1124 00:00:00.000000    1 pod_workers.go:1] " + repeat(`failed to "StartContainer" for "c" with E: "x" `),
		"containers in a journal":           repeat("E1124 00:00:00.000000    1 pod_workers.go:1] failed to \"StartContainer\" for \"c\" with E: \"x\"\n"),
		"quotes in a journal":               "E1124 00:00:00.000000    1 pod_workers.go:1] " + repeat(`"`),
		"fields in a journal":               "E1124 00:00:00.000000    1 pod_workers.go:1] \"x\" " + repeat(`a="b" `),
		"prefixes of pods":                  repeat("[pod/a/b] x\n"),
		"prefixes of a runtime":             repeat("2026-11-24T00:00:00Z stdout P x\n"),
		"fragments":                         repeat("State: Waiting\n"),
		"fences":                            repeat("```\n"),
		"escapes":                           repeat("\x1b["),
		"pieces of manifests":               repeat("status:\n  phase: a\n\n"),
		"pieces that are none":              repeat("status:\n  a: b\n"),
		"pieces in JSON":                    repeat("\"status\": {\n \"a\": 1\n"),
		"images of containers":              repeat("image: a\nb: c\n"),
		"manifests that end in something":   repeat("apiVersion: v1\nkind: Pod\n\tx\n"),
		"a manifest with many gaps":         "apiVersion: v1\nkind: Pod\nmetadata:\n" + repeat("  ...\n  a: b\n"),
		"messages of events":                repeat("Back-off restarting failed \"x\n"),
		"messages about images":             repeat("Failed to pull image \"x\ny\n"),
		"messages of hundreds of quotes":    "Error creating: " + repeat("\""),
		"rows without a header":             repeat("a 1/1 Running 0 1d\n"),
		"events without a header":           repeat("1s Warning Failed pod/a x\n"),
		"words of many parentheses":         repeat("a (") + "\n",
		"quoted lines":                      repeat("> Name: a\n> Namespace: b\n"),
		"flat descriptions":                 repeat("Name: a\nNamespace: b\nLabels: c\nContainers:\nd:\nImage: e\n"),
		"descriptions with a gap":           repeat("Name: a\nNamespace: b\n...\n"),
		"conditions of nodes":               repeat("Conditions:\n  Type Status LastHeartbeatTime\n"),
		"refused logs":                      repeat("Error from server (BadRequest): container \"a\" in pod \"b\" is waiting to start: ContainerCreating\n"),
		"broken events":                     repeat("Warning Failed\n1s kubelet x\n"),
		"rows of moved cells":               "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS AGE\n" + repeat("a  Pending  b  1d\n"),
		"files of a kubelet":                repeat("kubelet.go:1] x\n"),
		"pieces of descriptions":            repeat("    Last State:  Terminated\n      Reason: x\n\n"),
		"data of a ConfigMap":               repeat("Name: a\nNamespace: b\nData\n====\n"),
	}
}

// TestHostileTextIsReadToItsEnd ends soon unless some text is read in a time that grows faster than it does; how
// long each takes, BenchmarkHostile measures.
func TestHostileTextIsReadToItsEnd(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Parse([]byte(text), aMoment)
		})
	}
}

// stairs are lines that are each indented deeper than the one before.
func stairs(size int) string {
	var out strings.Builder
	for depth := 0; out.Len() < size; depth = (depth + 1) % 512 {
		out.WriteString(strings.Repeat(" ", depth+2) + "a:\n")
	}
	return out.String()
}
