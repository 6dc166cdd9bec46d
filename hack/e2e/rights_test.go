package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// accounts are those of the pair.
var accounts = []string{"kube-remedy-webhook", "kube-remedy-eventwatcher"}

// seldom are rights that a run of minutes on this API server has no use for.
var seldom = map[string]string{
	"kube-remedy-eventwatcher delete remediations.kube-remedy.io":  "what expired is removed after two months",
	"kube-remedy-webhook update secrets":                           "a certificate is renewed after two months",
	"kube-remedy-eventwatcher create remediations.kube-remedy.io":  "a server-side apply that creates is asked for both, and logged as a patch",
	"kube-remedy-eventwatcher list rollouts.rollouts.example.org":  "configured kinds are looked for every 30 s, for which the test does not wait",
	"kube-remedy-eventwatcher watch rollouts.rollouts.example.org": "the same",
}

// spare reports whether a right is there for what else may happen: one to list is for API servers that can't begin a watch
// with all there is.
func spare(right string, used map[string]bool) bool {
	account, rest, _ := strings.Cut(right, " ")
	resource, lists := strings.CutPrefix(rest, "list ")
	return seldom[right] != "" || lists && used[account+" watch "+resource]
}

// checkRights compares what the pair's roles allow with what the API server's audit log saw the pair do, after all tests:
// it was refused nothing, and has no right that it does not use.
func checkRights(ctx context.Context) error {
	used, err := usedRights()
	if err != nil {
		return err
	}
	var wrong []error
	all := map[string]bool{}
	for _, account := range accounts {
		granted, err := grantedRights(ctx, account)
		if err != nil {
			return err
		}
		if account == "kube-remedy-eventwatcher" {
			granted = append(granted, rightsOf(account, rolloutRights)...) // a test gave them, and took them away
		}
		for _, right := range granted {
			if !used[right] && !spare(right, used) {
				wrong = append(wrong, fmt.Errorf("%s is granted and never used", right))
			}
			all[right] = true
		}
	}
	maps.DeleteFunc(used, func(right string, _ bool) bool { return all[right] })
	for right := range used {
		wrong = append(wrong, fmt.Errorf("%s was asked for and is not granted", right))
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

// usedRights reads from the audit log, which may have been rotated during the tests of a cluster that has run for long, what
// the accounts of the pair asked for: account, verb and resource.
func usedRights() (map[string]bool, error) {
	used := map[string]bool{}
	for _, path := range cluster.AuditLogs() {
		if err := readUsed(path, used); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
	}
	return used, nil
}

// readUsed adds what one file tells.
func readUsed(path string, used map[string]bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef *struct{ APIGroup, Resource, Subresource string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return err
		}
		account, ours := strings.CutPrefix(event.User.Username, "system:serviceaccount:"+install.Namespace+":")
		if on := event.ObjectRef; ours && on != nil && slices.Contains(accounts, account) {
			used[right(account, event.Verb, on.APIGroup, strings.Trim(on.Resource+"/"+on.Subresource, "/"))] = true
		}
	}
	return lines.Err()
}

func right(account, verb, group, resource string) string {
	return account + " " + verb + " " + strings.Trim(resource+"."+group, ".")
}

// grantedRights reads what the roles of an account allow; their names begin with the account's.
func grantedRights(ctx context.Context, account string) ([]string, error) {
	out, err := pair.Kubectl(ctx, "", "get", "clusterroles,roles", "-A", "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []rbacv1.ClusterRole }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, fmt.Errorf("read the roles: %w", err)
	}
	var granted []string
	for _, role := range list.Items {
		if role.Name != account && !strings.HasPrefix(role.Name, account+"-") {
			continue
		}
		granted = append(granted, rightsOf(account, role.Rules)...)
	}
	return granted, nil
}

// rightsOf gives what rules allow an account.
func rightsOf(account string, rules []rbacv1.PolicyRule) []string {
	var rights []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right(account, verb, group, resource))
				}
			}
		}
	}
	return rights
}
