package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// findChromium gives the path of the browser, which is $CHROMIUM or the one in the path.
func findChromium() (string, error) {
	path, err := exec.LookPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium"))
	if err != nil {
		return "", fmt.Errorf("there is no Chromium: install it (Debian: apt-get install -y chromium), or set CHROMIUM to its path: %w", err)
	}
	return path, nil
}

// graphPage is where the Prometheus of Debian has its page for graphs; later ones of others have none there.
const graphPage = "/classic/graph"

// shoot has Prometheus draw each question in its own page and leaves a picture of each in a directory. It gives what was
// not drawn.
func (s *server) shoot(ctx context.Context, chromium, profile, dir string, all []question) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("directory for pictures: %w", err)
	}
	if err := s.hasGraphPage(ctx); err != nil {
		return err
	}
	var wrong []error
	for _, one := range all {
		picture, err := filepath.Abs(filepath.Join(dir, fileName(one.name)+".png"))
		if err != nil {
			return err
		}
		page, err := browse(ctx, chromium, profile, s.graphURL(one.expr), picture)
		if err != nil {
			return err
		}
		if problem := drawn(page, one.empty); problem != "" {
			wrong = append(wrong, fmt.Errorf("%s: Prometheus' page has %s (%s)", one.name, problem, picture))
		}
	}
	return errors.Join(wrong...)
}

func (s *server) hasGraphPage(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+graphPage, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask Prometheus for its page: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("this Prometheus has no page %s, which that of Debian 12 has (%s): pictures can't be taken", graphPage, response.Status)
	}
	return nil
}

// graphURL is the page that draws an expression over the last minutes, in which the story happened.
func (s *server) graphURL(expr string) string {
	return s.url + graphPage + "?" + url.Values{"g0.expr": {expr}, "g0.tab": {"0"}, "g0.range_input": {"5m"}, "g0.step_input": {"1"}}.Encode()
}

// pageTakes is how much of its own time a page has for its questions and drawing.
const pageTakes = 10 * time.Second

// browse opens a page in a browser without a window, leaves a picture of it, and gives its document as it is then.
func browse(ctx context.Context, chromium, profile, page, picture string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	var document []byte
	for _, what := range []string{"--screenshot=" + picture, "--dump-dom"} { // one of them at a time
		command := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+profile,
			"--window-size=1200,1000", fmt.Sprintf("--virtual-time-budget=%d", pageTakes.Milliseconds()), what, page)
		command.WaitDelay = 5 * time.Second // its children may hold the output
		text, err := command.Output()
		if err != nil {
			return "", fmt.Errorf("open %s in Chromium: %w", page, err)
		}
		document = text
	}
	if _, err := os.Stat(picture); err != nil {
		return "", fmt.Errorf("chromium took no picture of %s: %w", page, err)
	}
	return string(document), nil
}

// What Prometheus' page has when something is wrong, how many series it found, and what it draws with.
var (
	pageError  = regexp.MustCompile(`class="(?:error|warning) alert[^>]*>([^<]+)<`)
	pageSeries = regexp.MustCompile(`Total time series: ([1-9])`)
)

// pageEmpty is what it says when there is nothing to draw.
const pageEmpty = "No datapoints found."

// drawn says what is wrong with the document of a page; nothing when it shows a diagram, or nothing where that is well.
func drawn(document string, empty bool) string {
	said := ""
	if found := pageError.FindStringSubmatch(document); found != nil {
		said = html.UnescapeString(found[1])
	}
	switch {
	case said == pageEmpty && empty:
		return ""
	case said != "":
		return "an error: " + said
	case !pageSeries.MatchString(document):
		return "no series"
	case !strings.Contains(document, "<svg"):
		return "no diagram"
	default:
		return ""
	}
}

// fileName writes a name with letters and digits alone.
func fileName(name string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-"), "-")
}
