package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/config"
)

// The webhooks of the registration.
const (
	// mutateName is the one for the kinds of Kubernetes, which whoever installs kube-remedy writes.
	mutateName = "mutate.kube-remedy.io"
	// extraName is the one for the kinds of the configuration, which this package writes: the first, with other rules.
	extraName = "kinds.mutate.kube-remedy.io"
)

// fieldManager owns what this package writes into the registration.
const fieldManager = "kube-remedy-webhook"

// retryAfter is how long a failed write of the registration waits for the next, and lookEvery how often it is looked at
// without a change: whoever installs kube-remedy may change what the extra webhook is a copy of.
const (
	retryAfter = 5 * time.Second
	lookEvery  = 10 * time.Minute
)

// registration keeps the webhook for the kinds of the configuration in the registration, by server-side apply of that
// one entry: webhooks are a list that is merged by name, so nobody else's entry is touched.
type registration struct {
	clients kubernetes.Interface
	name    string
	log     *slog.Logger

	mu      sync.Mutex
	kinds   []config.ExtraKind
	changed chan struct{}
}

// want says which kinds are to be sent to the webhook.
func (g *registration) want(kinds []config.ExtraKind) {
	g.mu.Lock()
	g.kinds = kinds
	g.mu.Unlock()
	select {
	case g.signal() <- struct{}{}:
	default:
	}
}

func (g *registration) signal() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{}, 1)
	}
	return g.changed
}

// run writes the registration whenever it is not as it is wanted, until ctx ends.
func (g *registration) run(ctx context.Context, clock clock.WithTicker) error {
	wait := time.Duration(0)
	for {
		due := clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			due.Stop()
			return nil
		case <-g.signal():
		case <-due.C():
		}
		due.Stop()
		wait = lookEvery
		if err := g.write(ctx); err != nil && ctx.Err() == nil {
			g.log.Warn("the registration for the kinds of the configuration is not as it should be, trying again", "error", err)
			wait = retryAfter
		}
	}
}

func (g *registration) write(ctx context.Context) error {
	g.mu.Lock()
	kinds := g.kinds
	g.mu.Unlock()
	configurations := g.clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	registered, err := configurations.Get(ctx, g.name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read mutatingwebhookconfiguration %s: %w", g.name, err)
	}
	webhook, same, err := extraWebhook(registered, kinds)
	if err != nil || same {
		return err
	}
	patch, err := json.Marshal(map[string]any{
		"apiVersion": admissionregistrationv1.SchemeGroupVersion.String(), "kind": "MutatingWebhookConfiguration",
		"metadata": map[string]any{"name": g.name}, "webhooks": webhook,
	})
	if err != nil {
		return fmt.Errorf("encode the registration: %w", err)
	}
	force := true
	_, err = configurations.Patch(ctx, g.name, types.ApplyPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("write webhook %s of mutatingwebhookconfiguration %s: %w", extraName, g.name, err)
	}
	g.log.Info("registered the kinds of the configuration", "mutatingwebhookconfiguration", g.name, "kinds", len(kinds))
	return nil
}

// extraWebhook gives the webhook for the kinds, as a list of one or of none; same when it is there already.
func extraWebhook(registered *admissionregistrationv1.MutatingWebhookConfiguration, kinds []config.ExtraKind) (wanted []admissionregistrationv1.MutatingWebhook, same bool, err error) {
	find := func(name string) *admissionregistrationv1.MutatingWebhook {
		at := slices.IndexFunc(registered.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == name })
		if at < 0 {
			return nil
		}
		return &registered.Webhooks[at]
	}
	first, have := find(mutateName), find(extraName)
	switch {
	case len(kinds) == 0:
		return nil, have == nil, nil
	case first == nil:
		return nil, false, fmt.Errorf("mutatingwebhookconfiguration %s has no webhook %s", registered.Name, mutateName)
	}
	extra := first.DeepCopy()
	extra.Name, extra.Rules = extraName, nil
	for _, kind := range kinds {
		namespaced := admissionregistrationv1.NamespacedScope
		extra.Rules = append(extra.Rules, admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{kind.Group}, APIVersions: []string{kind.Version}, Resources: []string{kind.Resource}, Scope: &namespaced,
			},
		})
	}
	if have != nil {
		before, errBefore := json.Marshal(have)
		after, errAfter := json.Marshal(extra)
		same = errBefore == nil && errAfter == nil && string(before) == string(after)
	}
	return []admissionregistrationv1.MutatingWebhook{*extra}, same, nil
}
