package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// installation is what the end-to-end tests run with.
func installation(t *testing.T) manifests {
	t.Helper()
	text, err := os.ReadFile("../install/manifests.yaml")
	require.NoError(t, err)
	return read(t, string(text))
}

// rightsOf gives what an account may do, one line for each thing: where, what, verb.
func rightsOf(t *testing.T, m manifests, accounts ...string) []string {
	t.Helper()
	roles := map[string][]rbacv1.PolicyRule{}
	for _, object := range m.of("ClusterRole") {
		roles["ClusterRole/"+object.GetName()] = as[rbacv1.ClusterRole](t, object).Rules
	}
	for _, object := range m.of("Role") {
		roles["Role/"+object.GetName()] = as[rbacv1.Role](t, object).Rules
	}
	var rights []string
	grant := func(where string, ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
		if !slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool { return slices.Contains(accounts, s.Name) }) {
			return
		}
		rules, found := roles[ref.Kind+"/"+ref.Name]
		require.True(t, found, "%s %s", ref.Kind, ref.Name)
		for _, rule := range rules {
			rights = append(rights, lines(where, rule)...)
		}
	}
	for _, object := range m.of("ClusterRoleBinding") {
		binding := as[rbacv1.ClusterRoleBinding](t, object)
		grant("everywhere", binding.RoleRef, binding.Subjects)
	}
	for _, object := range m.of("RoleBinding") {
		binding := as[rbacv1.RoleBinding](t, object)
		grant(binding.Namespace, binding.RoleRef, binding.Subjects)
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}

func lines(where string, rule rbacv1.PolicyRule) []string {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{"*"}
	}
	var all []string
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, name := range names {
				for _, verb := range rule.Verbs {
					all = append(all, fmt.Sprintf("%s: %s %s.%s %s", where, verb, resource, group, name))
				}
			}
		}
	}
	return all
}

func TestTheAccountHasTheRightsOfTheInstallation(t *testing.T) {
	t.Parallel()
	wanted := rightsOf(t, installation(t), "kube-remedy-webhook", "kube-remedy-eventwatcher")
	require.NotEmpty(t, wanted)
	require.Equal(t, wanted, rightsOf(t, render(t, "--set=eventwatcher.askProbes=true,eventwatcher.readSecrets=true"), "kube-remedy"))
}

func TestWideRightsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	all := rightsOf(t, render(t, "--set=eventwatcher.askProbes=true,eventwatcher.readSecrets=true,eventwatcher.readLogs=true"), "kube-remedy")
	for value, rights := range map[string][]string{
		"askProbes":   {"everywhere: get pods/proxy. *"},
		"readSecrets": {"everywhere: get secrets. *", "everywhere: list secrets. *"},
		"readLogs":    {"everywhere: get pods/log. *"},
	} {
		switches := "--set=eventwatcher.askProbes=true,eventwatcher.readSecrets=true,eventwatcher.readLogs=true,eventwatcher." + value + "=false"
		left := rightsOf(t, render(t, switches), "kube-remedy")
		require.ElementsMatch(t, all, append(left, rights...), value)
	}
	kinds := rightsOf(t, render(t, "--set-json", `config.kinds=[{"group":"argoproj.io","version":"v1alpha1","resource":"rollouts","kind":"Rollout"}]`), "kube-remedy")
	require.Contains(t, kinds, "everywhere: patch rollouts.argoproj.io *")
	require.Contains(t, kinds, "everywhere: get rollouts/scale.argoproj.io *")
}

func TestRightsFollowTheSourceOfTheCertificate(t *testing.T) {
	t.Parallel()
	for source, wanted := range map[string][]string{
		"secret,certificates.secretName=mine": nil,
		"self-managed": {
			"create secrets. *", "get secrets. kube-remedy-webhook-certificate", "list secrets. kube-remedy-webhook-certificate",
			"update secrets. kube-remedy-webhook-certificate", "watch secrets. kube-remedy-webhook-certificate",
		},
		// What webhook/certs/certmanager.go asks for.
		"cert-manager": {
			"create certificates.cert-manager.io *", "create issuers.cert-manager.io *",
			"get certificates.cert-manager.io kube-remedy-webhook", "get certificates.cert-manager.io kube-remedy-webhook-ca",
			"get secrets. kube-remedy-webhook-certificate",
			"list certificates.cert-manager.io kube-remedy-webhook", "list certificates.cert-manager.io kube-remedy-webhook-ca",
			"list secrets. kube-remedy-webhook-certificate",
			"patch certificates.cert-manager.io kube-remedy-webhook", "patch certificates.cert-manager.io kube-remedy-webhook-ca",
			"patch issuers.cert-manager.io kube-remedy-webhook-ca", "patch issuers.cert-manager.io kube-remedy-webhook-selfsigned",
			"watch certificates.cert-manager.io kube-remedy-webhook", "watch certificates.cert-manager.io kube-remedy-webhook-ca",
			"watch secrets. kube-remedy-webhook-certificate",
		},
		"cert-manager,certificates.issuer=Issuer/corporate": {
			"create certificates.cert-manager.io *", "get certificates.cert-manager.io kube-remedy-webhook",
			"get secrets. kube-remedy-webhook-certificate", "list certificates.cert-manager.io kube-remedy-webhook",
			"list secrets. kube-remedy-webhook-certificate", "patch certificates.cert-manager.io kube-remedy-webhook",
			"watch certificates.cert-manager.io kube-remedy-webhook", "watch secrets. kube-remedy-webhook-certificate",
		},
	} {
		var found []string
		for _, right := range rightsOf(t, render(t, "--set=certificates.source="+source), "kube-remedy") {
			if right, own := strings.CutPrefix(right, namespace+": "); own && !strings.Contains(right, "leases.") {
				found = append(found, right)
			}
		}
		require.ElementsMatch(t, wanted, found, source)
	}
}

// TestTheRegistrationsAreThoseOfTheInstallation compares all but where the webhook is, who the watcher is, and the
// condition that lets the garbage collector finish.
func TestTheRegistrationsAreThoseOfTheInstallation(t *testing.T) {
	t.Parallel()
	const ours, theirs = "'system:serviceaccount:kube-remedy-system:kube-remedy'", "'system:serviceaccount:kube-remedy-system:kube-remedy-eventwatcher'"
	conditions := func(all []admissionregistrationv1.MatchCondition) []admissionregistrationv1.MatchCondition {
		var same []admissionregistrationv1.MatchCondition
		for _, each := range all {
			each.Expression = strings.ReplaceAll(each.Expression, ours, theirs)
			if each.Name != "not-by-the-garbage-collector" {
				same = append(same, each)
			}
		}
		return same
	}
	mutating := func(m manifests) []admissionregistrationv1.MutatingWebhook {
		hooks := one[admissionregistrationv1.MutatingWebhookConfiguration](t, m, "MutatingWebhookConfiguration").Webhooks
		for i := range hooks {
			hooks[i].ClientConfig = admissionregistrationv1.WebhookClientConfig{}
			hooks[i].MatchConditions = conditions(hooks[i].MatchConditions)
		}
		return hooks
	}
	validating := func(m manifests) []admissionregistrationv1.ValidatingWebhook {
		hooks := one[admissionregistrationv1.ValidatingWebhookConfiguration](t, m, "ValidatingWebhookConfiguration").Webhooks
		for i := range hooks {
			hooks[i].ClientConfig = admissionregistrationv1.WebhookClientConfig{}
			hooks[i].MatchConditions = conditions(hooks[i].MatchConditions)
		}
		return hooks
	}
	rendered := render(t)
	require.Equal(t, mutating(installation(t)), mutating(rendered))
	require.Equal(t, validating(installation(t)), validating(rendered))
}

// TestAWatcherOfOneNamespaceHasNoRightsInTheCluster looks for what only the webhook needs there.
func TestAWatcherOfOneNamespaceHasNoRightsInTheCluster(t *testing.T) {
	t.Parallel()
	webhook := rightsOf(t, installation(t), "kube-remedy-webhook")
	require.Contains(t, rightsOf(t, render(t), "kube-remedy"), "kube-node-lease: get leases.coordination.k8s.io *")
	for _, right := range rightsOf(t, render(t, "--set=eventwatcher.watchNamespace=shop,eventwatcher.askProbes=true,eventwatcher.readSecrets=true"), "kube-remedy") {
		if strings.HasPrefix(right, "everywhere: ") {
			require.Contains(t, webhook, right)
		}
		require.NotContains(t, right, "kube-node-lease: ", "nodes are in no namespace")
	}
}
