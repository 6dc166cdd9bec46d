package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
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

// pictures is what takes them, and where they go.
type pictures struct {
	dir               string // absolute
	chromium, profile string // the browser's path, and a directory of its own
	packages          string // where npm installed what the page needs
}

// page is the directory of the page that draws the dashboard.
func (p *pictures) page() string { return filepath.Join(p.dir, "dashboard") }

// preparePictures finds, installs and builds all that pictures need, into a directory for them; temporary is one that goes away.
func preparePictures(ctx context.Context, dir, temporary string) (*pictures, error) {
	chromium, err := findChromium()
	if err != nil {
		return nil, err
	}
	if err := findNPM(); err != nil {
		return nil, err
	}
	packages, err := npmInstall(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	p := &pictures{dir: dir, chromium: chromium, profile: filepath.Join(temporary, "chromium"), packages: packages}
	return p, buildPage(ctx, packages, p.page())
}

// graphPage is where the Prometheus of Debian has its page for graphs; later ones of others have none there.
const graphPage = "/classic/graph"

// shoot has Prometheus draw each question in its own page and leaves a picture of each. It gives what was not drawn.
func (s *server) shoot(ctx context.Context, to *pictures, all []question) error {
	if err := s.hasGraphPage(ctx); err != nil {
		return err
	}
	var wrong []error
	for _, one := range all {
		picture := filepath.Join(to.dir, fileName(one.name)+".png")
		if err := to.take(ctx, s.graphURL(one.expr), 1200, 1000, picture); err != nil {
			return err
		}
		page, err := to.dump(ctx, s.graphURL(one.expr), 1200, 1000)
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

// dump opens a page in a browser without a window and gives its document as it is after pageTakes.
func (p *pictures) dump(ctx context.Context, page string, width, height int) (string, error) {
	return p.browse(ctx, page, width, height, "--dump-dom")
}

// take does the same and leaves a picture.
func (p *pictures) take(ctx context.Context, page string, width, height int, picture string) error {
	if err := os.Remove(picture); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an older picture: %w", err)
	}
	if _, err := p.browse(ctx, page, width, height, "--screenshot="+picture); err != nil {
		return err
	}
	if _, err := os.Stat(picture); err != nil {
		return fmt.Errorf("chromium took no picture of %s: %w", page, err)
	}
	return nil
}

// browse opens a page in a browser for one thing, and gives what that prints. The browser reaches loopback alone: it
// resolves no names, and all else goes to a proxy that there is not.
func (p *pictures) browse(ctx context.Context, page string, width, height int, what string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	command := exec.CommandContext(ctx, p.chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+p.profile,
		"--disable-background-networking", "--disable-component-update", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--proxy-server=socks5://127.0.0.1:9",
		fmt.Sprintf("--window-size=%d,%d", width, height), fmt.Sprintf("--virtual-time-budget=%d", pageTakes.Milliseconds()), what, page)
	command.WaitDelay = 5 * time.Second // its children may hold the output
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("open %s in Chromium: %w", page, err)
	}
	return string(text), nil
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
