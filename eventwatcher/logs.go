package eventwatcher

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// Bounds of what is read of logs in one look at a workload.
const (
	maxLogLines = 500      // of one container
	maxLogBytes = 64 << 10 // of one container, the last of them
	maxLogRead  = 4 << 20  // what may pass by until the last bytes are known
	maxLogs     = 6        // of one workload
	logTimeout  = 5 * time.Second
)

// addLogs adds the ends of the logs of containers that failed. What is secret in them never gets further than this: it
// is taken out on arrival. A log that can't be read is left out; nothing is then concluded from it.
func (w *Watcher) addLogs(ctx context.Context, observed *evidence.Evidence) {
	asked := 0
	for _, container := range observed.Containers {
		for _, previous := range []bool{true, false} {
			if asked >= maxLogs || !tells(container, previous) {
				continue
			}
			asked++
			text, err := w.readLog(ctx, observed.Workload.Namespace, container, previous)
			switch {
			case apierrors.IsForbidden(err):
				w.log.Debug("logs may not be read", "error", err)
				return
			case err != nil:
				w.log.Debug("a log could not be read", "namespace", observed.Workload.Namespace, "pod", container.Pod, "container", container.Name, "previous", previous, "error", err)
			case len(bytes.TrimSpace(text)) > 0:
				observed.Logs = append(observed.Logs, evidence.Log{
					Namespace: observed.Workload.Namespace, Pod: container.Pod, Container: container.Name, Previous: previous, Text: text,
				})
			}
		}
	}
}

// tells reports whether the log of a container's last run, or of the present one, could say why it failed.
func tells(container evidence.Container, previous bool) bool {
	if previous {
		return container.LastState.Terminated != nil && container.RestartCount > 0
	}
	switch state := container.State; {
	case state.Terminated != nil:
		return state.Terminated.ExitCode != 0 || state.Terminated.Reason == "OOMKilled"
	case state.Running != nil:
		return !container.Ready
	default:
		return false
	}
}

// readLog reads the end of one log, without its secrets.
func (w *Watcher) readLog(ctx context.Context, namespace string, container evidence.Container, previous bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	lines := int64(maxLogLines)
	stream, err := w.clients.CoreV1().Pods(namespace).GetLogs(container.Pod, &corev1.PodLogOptions{
		Container: container.Name, Previous: previous, TailLines: &lines,
	}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return endOf(stream)
}

// endOf reads the end of a log, without its secrets. What came in time is taken when the rest does not.
func endOf(stream io.Reader) ([]byte, error) {
	end, cut, err := lastBytes(io.LimitReader(stream, maxLogRead), maxLogBytes)
	if err != nil && !(errors.Is(err, context.DeadlineExceeded) && len(end) > 0) {
		return nil, err
	}
	return redact.Cut(end, cut, false), nil
}

// lastBytes reads all there is and keeps the last most bytes of it; cut says that something was left out before them.
// What was read before an error is given with it.
func lastBytes(from io.Reader, most int) (end []byte, cut bool, err error) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		end = append(end, buffer[:n]...)
		if len(end) > 2*most {
			end, cut = append(end[:0], end[len(end)-most:]...), true
		}
		if err != nil {
			if len(end) > most {
				end, cut = end[len(end)-most:], true
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return end, cut, err
		}
	}
}

// redacted takes what is secret out of the messages that strangers wrote: of events, and of containers that ended.
func redacted(observed *evidence.Evidence) {
	clean := func(text *string) {
		if *text != "" {
			*text = string(redact.Text([]byte(*text)))
		}
	}
	for i := range observed.Events {
		clean(&observed.Events[i].Message)
	}
	for i := range observed.Containers {
		for _, state := range []*corev1.ContainerState{&observed.Containers[i].State, &observed.Containers[i].LastState} {
			if state.Terminated != nil {
				ended := *state.Terminated // it may belong to a cache
				clean(&ended.Message)
				state.Terminated = &ended
			}
			if state.Waiting != nil {
				waiting := *state.Waiting
				clean(&waiting.Message)
				state.Waiting = &waiting
			}
		}
	}
}

// redactedFinding takes what is secret out of what is told of a failure: a probe's path or a command, which are quoted from
// the manifest, may have a token in it.
func redactedFinding(finding *v1alpha1.Diagnosis) {
	clean := func(text *string) { *text = string(redact.Text([]byte(*text))) }
	clean(&finding.RootCause)
	for i := range finding.Evidence {
		clean(&finding.Evidence[i].Text)
	}
	for i := range finding.SuggestedFixes {
		clean(&finding.SuggestedFixes[i].Description)
	}
}

// tellsSecret reports whether actions would repeat something secret of the manifest. Without it they would not fit.
func tellsSecret(actions []v1alpha1.Action) bool {
	var tells bool
	for _, action := range actions {
		for _, text := range textsOf(action) {
			tells = tells || string(redact.Text([]byte(text))) != text
		}
	}
	return tells
}

// textsOf gives those texts of an action that the owner of a manifest is free in.
func textsOf(action v1alpha1.Action) []string {
	var texts []string
	switch {
	case action.AdjustProbe != nil:
		texts = append(texts, action.AdjustProbe.From.Path)
		if action.AdjustProbe.To != nil {
			texts = append(texts, action.AdjustProbe.To.Path)
		}
	case action.FixImage != nil:
		texts = append(texts, action.FixImage.Image, action.FixImage.Replacement)
	}
	return texts
}
