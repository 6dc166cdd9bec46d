package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report says what was measured and which goals were reached.
type report struct {
	results
	to io.Writer
}

func (r report) print(ctx context.Context, root string, rounds int) {
	r.machine(ctx, root, rounds)
	r.handler("nothing-learned", "Handler alone, nothing learned about the object")
	r.handler("patched", "Handler alone, memory is patched")
	r.tls()
	r.index()
	r.parts()
	r.goals()
}

// table prints rows of columns under a title.
func (r report) table(title string, columns ...string) (row func(cells ...any), done func()) {
	fmt.Fprintf(r.to, "\n%s\n", title)
	table := tabwriter.NewWriter(r.to, 0, 0, 2, ' ', tabwriter.AlignRight)
	row = func(cells ...any) {
		for _, cell := range cells {
			fmt.Fprintf(table, "%v\t", cell)
		}
		fmt.Fprintln(table)
	}
	for _, column := range columns {
		fmt.Fprintf(table, "%s\t", column)
	}
	fmt.Fprintln(table)
	return row, func() { _ = table.Flush() }
}

func (r report) machine(ctx context.Context, root string, rounds int) {
	commit := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty")
	commit.Dir = root
	described, _ := commit.Output() // without git the report does without
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(r.to, "kube-remedy webhook benchmarks, %s, commit %s\n", time.Now().UTC().Format(time.RFC3339), strings.TrimSpace(string(described)))
	fmt.Fprintf(r.to, "%s, %d cores, %s %s/%s, load at the end %s\n", processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(load)))
	fmt.Fprintf(r.to, "Medians of %d rounds, and the least after a slash; ratios are medians of each round's ratio.\n", rounds)
	fmt.Fprintln(r.to, "CPU is processor time of the whole process with its garbage collection; it does not grow when others use the machine.")
}

// processor gives the model of the processor, where the system tells it.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// both is a median and the least, of nanoseconds.
func (r report) both(name, unit string) string {
	return micro(r.median(name, unit)) + " / " + micro(r.least(name, unit))
}

func micro(nanoseconds float64) string {
	switch {
	case nanoseconds < 1e3:
		return fmt.Sprintf("%.0f ns", nanoseconds)
	case nanoseconds < 1e5:
		return fmt.Sprintf("%.1f µs", nanoseconds/1e3)
	case nanoseconds < 1e6:
		return fmt.Sprintf("%.0f µs", nanoseconds/1e3)
	default:
		return fmt.Sprintf("%.2f ms", nanoseconds/1e6)
	}
}

func (r report) handler(group, title string) {
	row, done := r.table(title, "review", "body", "who", "CPU/op", "time/op", "B/op", "allocs/op", "CPU ours : this", "CPU/body byte")
	defer done()
	for _, sample := range r.below("Handler/" + group) {
		at := "Handler/" + group + "/" + sample + "/"
		for _, who := range r.below(strings.TrimSuffix(at, "/")) {
			size := r.median(at+who, "body-B")
			compared := ""
			if who != "ours" {
				compared = fmt.Sprintf("%.3f", r.ratio(at+"ours", "cpu-ns/op", at+who, "cpu-ns/op"))
			}
			row(sample, fmt.Sprintf("%.1f KiB", size/1024), who, r.both(at+who, "cpu-ns/op"), r.both(at+who, "ns/op"),
				fmt.Sprintf("%.0f", r.median(at+who, "B/op")), fmt.Sprintf("%.0f", r.median(at+who, "allocs/op")), compared,
				fmt.Sprintf("%.2f ns", r.median(at+who, "cpu-ns/op")/size))
		}
	}
}

func (r report) tls() {
	row, done := r.table("Behind TLS, one kept HTTP/1.1 connection on loopback, requests in turn",
		"answer", "review", "ours p50", "echo p50", "ratio", "ours p99", "echo p99", "ratio")
	defer done()
	for _, group := range r.below("TLS") {
		for _, sample := range r.below("TLS/" + group) {
			at := "TLS/" + group + "/" + sample
			row(group, sample, r.both(at, "ours-p50-ns"), r.both(at, "echo-p50-ns"), fmt.Sprintf("%.2f", r.ratio(at, "ours-p50-ns", at, "echo-p50-ns")),
				r.both(at, "ours-p99-ns"), r.both(at, "echo-p99-ns"), fmt.Sprintf("%.2f", r.ratio(at, "ours-p99-ns", at, "echo-p99-ns")))
		}
	}
}

func (r report) index() {
	row, done := r.table("Index lookups, making the key included", "Remediations", "present, CPU", "absent, CPU")
	defer done()
	for _, size := range r.below("Index") {
		row(size, r.both("Index/"+size+"/present", "cpu-ns/op"), r.both("Index/"+size+"/absent", "cpu-ns/op"))
	}
}

func (r report) parts() {
	row, done := r.table("What a patched review is made of, CPU (heal has decode and try-patch in it)",
		"review", "receive", "head", "read", "heal", "decode", "try-patch")
	defer done()
	for _, sample := range r.below("Parts") {
		cells := []any{sample}
		for _, part := range []string{"receive", "head", "read", "heal", "decode", "try-patch"} {
			cells = append(cells, r.both("Parts/"+sample+"/"+part, "cpu-ns/op"))
		}
		row(cells...)
	}
}
