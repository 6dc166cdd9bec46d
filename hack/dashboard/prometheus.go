package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// findPrometheus gives the paths of prometheus, which is $PROMETHEUS or the one in the path, and of promtool beside it.
func findPrometheus() (prometheus, promtool string, err error) {
	prometheus, err = exec.LookPath(cmp.Or(os.Getenv("PROMETHEUS"), "prometheus"))
	if err != nil {
		return "", "", fmt.Errorf("there is no Prometheus: install it (Debian: apt-get install -y prometheus), or set PROMETHEUS to its path: %w", err)
	}
	promtool, err = exec.LookPath(filepath.Join(filepath.Dir(prometheus), "promtool"))
	if err != nil {
		return "", "", fmt.Errorf("promtool belongs beside %s: %w", prometheus, err)
	}
	return prometheus, promtool, nil
}

// server is a running Prometheus.
type server struct {
	program *install.Program
	url     string
}

// target is what Prometheus scrapes, with the labels that its operator would give it.
type target struct {
	address, container string
}

// scrapeInterval is short, so that a story has an end.
const scrapeInterval = time.Second

// startPrometheus runs Prometheus with its files in dir until it is stopped, or this program ends.
func startPrometheus(ctx context.Context, program, dir, rules, namespace string, targets []target) (*server, error) {
	var static []map[string]any
	for _, one := range targets {
		static = append(static, map[string]any{
			"targets": []string{one.address}, "labels": map[string]string{"namespace": namespace, "pod": "kube-remedy-0", "container": one.container},
		})
	}
	text, err := yaml.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": scrapeInterval.String(), "scrape_timeout": scrapeInterval.String(), "evaluation_interval": scrapeInterval.String()},
		"rule_files":     []string{rules},
		"scrape_configs": []map[string]any{{"job_name": "kube-remedy", "static_configs": static}},
	})
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, fmt.Errorf("write Prometheus' configuration: %w", err)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	running, err := install.StartProgram(program, filepath.Join(dir, "prometheus.log"),
		"--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	if err != nil {
		return nil, err
	}
	s := &server{program: running, url: "http://" + address}
	if err := wait(ctx, "Prometheus to be ready", func() error { return running.Ready(ctx, s.url+"/-/ready") }); err != nil {
		return nil, errors.Join(err, fmt.Errorf("its log ends:\n%s", running.LogTail()), running.Stop())
	}
	return s, nil
}

// freeAddress gives one on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for Prometheus: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// answer is one of Prometheus' HTTP API to a query over a range.
type answer struct {
	Data     struct{ Result []series }
	Warnings []string
	Infos    []string // since Prometheus 3
}

// series is a line of a diagram.
type series struct {
	Metric map[string]string
	Values [][2]any // seconds since 1970, and the value as text
}

// most gives the greatest value of all series; false when there is no number.
func (a answer) most() (most float64, found bool) {
	for _, each := range a.Data.Result {
		for _, point := range each.Values {
			text, _ := point[1].(string)
			if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) && (!found || value > most) {
				most, found = value, true
			}
		}
	}
	return most, found
}

// ask asks for an expression from since to now, as Grafana does for panels of either type.
func (s *server) ask(ctx context.Context, expr string, since time.Time) (answer, error) {
	var given answer
	err := s.get(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "step": {"1"}, "start": {strconv.FormatInt(since.Unix(), 10)}, "end": {strconv.FormatInt(time.Now().Unix(), 10)},
	}, &given)
	return given, err
}

// get asks the HTTP API. An answer that says it is none is an error.
func (s *server) get(ctx context.Context, path string, parameters url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path+"?"+parameters.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var refused struct{ ErrorType, Error string }
		err := json.NewDecoder(response.Body).Decode(&refused)
		return errors.Join(fmt.Errorf("ask Prometheus for %s: %s: %s: %s", path, response.Status, refused.ErrorType, refused.Error), err)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read Prometheus' answer to %s: %w", path, err)
	}
	return nil
}

// scraped is an error until Prometheus has read from every target.
func (s *server) scraped(ctx context.Context, targets int) error {
	var given struct {
		Data struct {
			ActiveTargets []struct{ ScrapeURL, Health, LastError string }
		}
	}
	if err := s.get(ctx, "/api/v1/targets", nil, &given); err != nil {
		return err
	}
	up := 0
	for _, one := range given.Data.ActiveTargets {
		if one.Health == "up" {
			up++
		} else if one.LastError != "" {
			return fmt.Errorf("%s: %s", one.ScrapeURL, one.LastError)
		}
	}
	if up != targets {
		return fmt.Errorf("%d of %d targets are read", up, targets)
	}
	return nil
}

// rule is one that Prometheus evaluates by itself.
type rule struct{ Name, State, Health, LastError string }

// rules gives them all.
func (s *server) rules(ctx context.Context) ([]rule, error) {
	var given struct {
		Data struct {
			Groups []struct{ Rules []rule }
		}
	}
	if err := s.get(ctx, "/api/v1/rules", nil, &given); err != nil {
		return nil, err
	}
	var all []rule
	for _, group := range given.Data.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// values gives the values of a label of a metric: label_values(metric, label) as Grafana asks it.
func (s *server) values(ctx context.Context, metric, label string) ([]string, error) {
	var given struct{ Data []string }
	err := s.get(ctx, "/api/v1/label/"+url.PathEscape(label)+"/values", url.Values{"match[]": {metric}}, &given)
	return given.Data, err
}
