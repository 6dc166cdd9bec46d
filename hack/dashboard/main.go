// Command dashboard asks a real Prometheus for everything that the chart's dashboard shows and its alerts compare, after a
// workload was OOM-killed, healed and verified on a real node (make dashboard-check). It prints what was answered, and
// fails when an expression is refused or warned of, or shows nothing where there is something to show.
//
// With -shots it leaves pictures to look at: of each expression, drawn by Prometheus' own page in Chromium, and of the
// whole dashboard as Grafana shows it, wide and on a narrow screen. The latter is drawn by a page of our own (page/page.tsx)
// from what Prometheus answered, with the components and the rules for units, names, thresholds, mappings and overrides
// that Grafana publishes for plugins. It fails when that page knows an option of the dashboard not to be drawn, when a
// panel shows no data where there must be some, or series that can't be told apart, and when a title or a text is out of
// sight. What it can't promise: Grafana's server itself, later versions of its components, and what shows only on a click.
// Chromium reaches loopback alone.
//
// The page is built with npm and bundled by esbuild, in the user's cache, from what package-lock.json pins. It is no part
// of what is released. Of Grafana there are @grafana/ui, @grafana/data and @grafana/schema (Apache-2.0; nothing of Grafana's
// server, which is AGPL), in the line 10.4: later ones moved the time series into the server. The others: react, react-dom,
// uplot and esbuild (MIT), and the typeface Inter (OFL-1.1), without which texts would have other widths than in Grafana.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/helm"
	"github.com/kube-remedy/kube-remedy/hack/install"
)

func main() {
	chart := flag.String("chart", "../charts/kube-remedy", "the chart")
	shots := flag.String("shots", "", "a directory for pictures of the dashboard and of each panel's expression (needs chromium, npm and node); none when empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *chart, *shots); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

// What the variables of the dashboard stand for here: the story is over within them.
const (
	rateInterval = "1m"
	wholeRange   = "1h"
)

// run reads what is asked, starts what answers, lets the story happen, and asks.
func run(ctx context.Context, out io.Writer, chart, shots string) (err error) {
	prometheus, promtool, err := findPrometheus()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kube-remedy-dashboard-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var to *pictures
	if shots != "" {
		if to, err = preparePictures(ctx, shots, dir); err != nil {
			return err
		}
	}
	dashboard, err := os.ReadFile(filepath.Join(chart, "files", "dashboard.json"))
	if err != nil {
		return fmt.Errorf("read the dashboard: %w", err)
	}
	shown, err := panels(dashboard, quiet, install.Namespace)
	if err != nil {
		return err
	}
	spec, err := render(ctx, chart, dir)
	if err != nil {
		return err
	}
	compared, err := alerts(spec)
	if err != nil {
		return err
	}
	rules := filepath.Join(dir, "rules.yml")
	if err := os.WriteFile(rules, spec, 0o600); err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	checked, err := exec.CommandContext(ctx, promtool, "check", "rules", "--lint=all", "--lint-fatal", rules).CombinedOutput()
	if err != nil {
		return fmt.Errorf("promtool check rules: %w\n%s", err, checked)
	}
	fmt.Fprintf(out, "promtool check rules: %s\n", strings.Join(strings.Fields(string(checked)), " "))

	return withPair(ctx, dir, func(pair *install.Pair) (err error) {
		webhook, watcher := pair.MetricsAddresses()
		targets := []target{{webhook, "webhook"}, {watcher, "eventwatcher"}}
		begun := time.Now()
		s, err := startPrometheus(ctx, prometheus, dir, rules, install.Namespace, targets)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.program.Stop()) }()
		// The counters must be read before they count: what a new series begins with is no increase.
		if err := wait(ctx, "both programs to be read", func() error { return s.scraped(ctx, len(targets)) }); err != nil {
			return err
		}
		defer func() {
			_, errDelete := pair.Kubectl(context.WithoutCancel(ctx), "", "delete", "namespace", namespace, "--ignore-not-found")
			err = errors.Join(err, errDelete)
		}()
		fmt.Fprintln(out, "a workload is OOM-killed, healed and verified")
		if err := story(ctx, pair, dir); err != nil {
			return err
		}
		metric, label, err := choice(dashboard)
		if err != nil {
			return err
		}
		if found, err := s.values(ctx, metric, label); err != nil || !slices.Contains(found, install.Namespace) {
			return errors.Join(fmt.Errorf("the variable namespace has the values %q", found), err)
		}
		// Outcomes are counted every ten seconds, and a figure is there with the next scrape.
		var table bytes.Buffer
		err = wait(ctx, "every panel to show what happened", func() error {
			table.Reset()
			return errors.Join(tell(ctx, &table, s, begun, "PANEL", shown), tell(ctx, &table, s, begun, "ALERT", compared), inForce(ctx, s, len(compared)))
		})
		_, errPrint := table.WriteTo(out)
		if to != nil {
			err = errors.Join(err, s.shoot(ctx, to, shown), s.shootDashboard(ctx, to, dashboard, shown, begun))
		}
		return errors.Join(err, errPrint)
	})
}

// tell asks, prints a table and gives what is wrong.
func tell(ctx context.Context, out io.Writer, s *server, since time.Time, title string, all []question) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%s\tSERIES\tGREATEST\tEXPRESSION\n", title)
	var wrong []error
	for _, one := range all {
		given, err := s.ask(ctx, one.expr, since)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", one.name, err))
		} else {
			for _, each := range one.judge(given) {
				wrong = append(wrong, fmt.Errorf("%s: %s", one.name, each))
			}
		}
		value := "-"
		if most, found := given.most(); found {
			value = strconv.FormatFloat(most, 'g', 4, 64)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", one.name, len(given.Data.Result), value, one.expr)
	}
	return errors.Join(append(wrong, table.Flush())...)
}

// slow is the alert that is about time, of which a busy machine may take more.
const slow = "KubeRemedyIsSlow"

// inForce is an error until Prometheus itself has evaluated every rule, and none is about to go off.
func inForce(ctx context.Context, s *server, rules int) error {
	all, err := s.rules(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	if len(all) != rules {
		wrong = append(wrong, fmt.Errorf("prometheus has %d rules of %d", len(all), rules))
	}
	for _, one := range all {
		if one.Health != "ok" {
			wrong = append(wrong, fmt.Errorf("rule %s is %s: %s", one.Name, one.Health, one.LastError))
		}
		if (one.State == "pending" || one.State == "firing") && one.Name != slow {
			wrong = append(wrong, fmt.Errorf("alert %s is %s, though nothing is wrong", one.Name, one.State))
		}
	}
	return errors.Join(wrong...)
}

// render gives the spec of the chart's PrometheusRule.
func render(ctx context.Context, chart, dir string) ([]byte, error) {
	program, err := helm.Build(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, program, "template", "kube-remedy", chart, "--namespace="+install.Namespace,
		"--show-only=templates/monitoring.yaml", "--set=metrics.prometheusRule.enabled=true", "--api-versions=monitoring.coreos.com/v1/PrometheusRule")
	command.Env = append(os.Environ(), "KUBECONFIG=/dev/null", "HELM_CONFIG_HOME="+dir, "HELM_CACHE_HOME="+dir, "HELM_DATA_HOME="+dir)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("render the rules: %w: %s", err, stderr.String())
	}
	var object unstructured.Unstructured
	if err := yaml.UnmarshalStrict(text, &object.Object); err != nil {
		return nil, fmt.Errorf("read the rendered rules: %w", err)
	}
	if object.GetKind() != "PrometheusRule" {
		return nil, fmt.Errorf("the chart rendered a %s, not a PrometheusRule", object.GetKind())
	}
	return yaml.Marshal(object.Object["spec"])
}

// withPair does something with a running pair in the cluster, which is started if need be, and takes both away again.
// KEEP=1 leaves the cluster running.
func withPair(ctx context.Context, dir string, do func(*install.Pair) error) (err error) {
	options := devcluster.Options{Progress: os.Stderr}
	_, notFound := devcluster.Find(options)
	cluster, err := devcluster.Up(ctx, options)
	if err != nil {
		return err
	}
	// What is taken away is taken away after an interruption too.
	after := context.WithoutCancel(ctx)
	if notFound != nil && os.Getenv("KEEP") == "" { // we started it
		defer func() { err = errors.Join(err, devcluster.Down(after, options)) }()
	}
	if err := cluster.RealNode(); err != nil {
		return err
	}
	pair, err := install.New(cluster, filepath.Join(dir, "pair"), window)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Uninstall(after)) }()
	if err := pair.Install(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Stop()) }()
	if err := pair.Start(ctx); err != nil {
		return err
	}
	return do(pair)
}
