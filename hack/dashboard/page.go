package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// handed is what the page draws.
type handed struct {
	Dashboard json.RawMessage     `json:"dashboard"`
	Answers   map[string][]series `json:"answers"`   // by the question's name
	Variables map[string]string   `json:"variables"` // with their values
	From      int64               `json:"from"`      // seconds since 1970
	To        int64               `json:"to"`
	Step      int                 `json:"step"` // seconds between points
}

// write leaves it where the page looks for it.
func (h handed) write(dir string) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "handed.js"), fmt.Appendf(nil, "window.handed = %s;\n", text), 0o644); err != nil {
		return fmt.Errorf("write what the page draws: %w", err)
	}
	return nil
}

// shootDashboard asks all questions and has the page draw the whole dashboard from the answers, once wide and once as narrow
// as a telephone. It leaves the page with what it draws, and a picture of either, and gives what is wrong with them.
func (s *server) shootDashboard(ctx context.Context, to *pictures, dashboard []byte, all []question, since time.Time) error {
	draw := handed{
		Dashboard: dashboard, Answers: map[string][]series{}, From: since.Unix(), To: time.Now().Unix(), Step: 1,
		Variables: map[string]string{"datasource": "Prometheus", "namespace": install.Namespace},
	}
	for _, one := range all {
		given, err := s.ask(ctx, one.expr, since)
		if err != nil {
			return err
		}
		draw.Answers[one.name] = given.Data.Result
	}
	if err := draw.write(to.page()); err != nil {
		return err
	}
	address, stop, err := to.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var wrong []error
	for _, width := range []int{1600, 760} {
		document, err := to.dump(ctx, address, width, 1000)
		if err != nil {
			return err
		}
		drawn, err := reported(document)
		if err != nil {
			return err
		}
		picture := fmt.Sprintf("%s-%d.png", to.page(), width)
		if err := to.take(ctx, address, width, drawn.Height, picture); err != nil {
			return err
		}
		for _, problem := range drawn.judge(titles(dashboard), all) {
			wrong = append(wrong, fmt.Errorf("the dashboard, %d pixels wide: %s (%s)", width, problem, picture))
		}
	}
	return errors.Join(wrong...)
}

// serve serves the page, and Grafana's icons for it, on loopback until it is stopped.
func (p *pictures) serve(ctx context.Context) (address string, stop func(), err error) {
	files := http.NewServeMux()
	files.Handle("/", http.FileServer(http.Dir(p.page())))
	files.Handle("/public/", http.FileServer(http.Dir(filepath.Join(p.packages, "node_modules", "@grafana", "ui", "dist"))))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("find a port for the page: %w", err)
	}
	serving := &http.Server{Handler: files, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = serving.Serve(listener) // until it is closed
	}()
	return "http://" + listener.Addr().String() + "/", func() { _ = serving.Close(); <-ended }, nil
}

// report is what the page says of itself.
type report struct {
	Height   int // of all of it, in pixels
	Problems []string
	Panels   []struct {
		Title    string
		Problems []string
		Empty    bool // it says that it has no data
	}
}

var reportElement = regexp.MustCompile(`(?s)<script type="application/json" id="report">(.*?)</script>`)

// reported reads the report from the document of a page.
func reported(document string) (report, error) {
	var read report
	found := reportElement.FindStringSubmatch(document)
	if found == nil || found[1] == "" {
		return read, errors.New("the page that draws the dashboard did not come to its end; in a browser, its console says why")
	}
	if err := json.Unmarshal([]byte(found[1]), &read); err != nil {
		return read, fmt.Errorf("read what the page says of itself: %w", err)
	}
	return read, nil
}

// titles gives those of all panels and rows, in their order.
func titles(dashboard []byte) []string {
	var read panel
	if err := json.Unmarshal(dashboard, &read); err != nil {
		return nil // nothing is drawn of it either
	}
	var all []string
	for _, each := range read.flat() {
		all = append(all, each.Title)
	}
	return all
}

// judge says what is wrong with what was drawn; nothing when every panel is there without a problem, and shows something
// unless all that it asks may have no answer.
func (r report) judge(titles []string, all []question) []string {
	wrong := slices.Clone(r.Problems)
	var drawn []string
	for _, one := range r.Panels {
		drawn = append(drawn, one.Title)
		for _, problem := range one.Problems {
			wrong = append(wrong, one.Title+": "+problem)
		}
		asked := func(each question) bool { return each.panel == one.Title && !each.empty }
		if one.Empty && slices.ContainsFunc(all, asked) {
			wrong = append(wrong, one.Title+": it shows no data")
		}
	}
	if !slices.Equal(drawn, titles) {
		wrong = append(wrong, fmt.Sprintf("it shows the panels %q, and not %q", drawn, titles))
	}
	return wrong
}
