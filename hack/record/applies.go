package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Versions of the shop's image.
const (
	first  = "1.4.2"
	second = "1.5.0"
	third  = "1.5.1"
)

// Why a review is an owner's apply, or is not.
const (
	created      = "a person or deployer creates the object"
	applied      = "it comes from an apply"
	templated    = "it changes the pod template"
	byController = "a controller writes, not the owner"
	subresource  = "it is a subresource"
	metadata     = "it changes metadata alone"
	neither      = "it changes no pod template and comes from no apply"
)

// clientSide is kubectl apply as most people use it.
func clientSide() []action {
	return []action{
		{
			name: "kubectl-apply-client-side-dry-run-create", before: []step{write("web.yaml", "deployment.yaml", first)},
			do:      kubectl("apply", "--dry-run=server", "-f", "web.yaml"),
			reviews: []wanted{applies("CREATE deployments web", "a dry run shows what the apply would do")},
		},
		{
			name: "kubectl-apply-client-side-create",
			do:   kubectl("apply", "-f", "web.yaml"),
			reviews: []wanted{
				applies("CREATE deployments web", created),
				controlled(deploymentController, "deployment-controller-create.replicaset", "CREATE replicasets web-", byController),
				controlled(deploymentController, "deployment-controller-update.deployment-status", "UPDATE deployments/status web", "the controller's own update, with the revision annotation, is a subresource"),
				controlled(replicaSetController, "replicaset-controller-create.pod", "CREATE pods web-", byController),
				controlled(replicaSetController, "replicaset-controller-update.replicaset-status", "UPDATE replicasets/status web-", subresource),
				controlled(scheduler, "scheduler-create.pod-binding", "CREATE pods/binding web-", subresource),
				controlled(kubelet, "kubelet-update.pod-status", "UPDATE pods/status web-", subresource),
			},
		},
		{
			name: "kubectl-apply-client-side-dry-run-update", before: []step{write("web.yaml", "deployment.yaml", second)},
			do:      kubectl("apply", "--dry-run=server", "-f", "web.yaml"),
			reviews: []wanted{applies("UPDATE deployments web", "a dry run shows what the apply would do")},
		},
		{
			name: "kubectl-apply-client-side-update",
			do:   kubectl("apply", "-f", "web.yaml"),
			reviews: []wanted{
				applies("UPDATE deployments web", applied),
				controlled(deploymentController, "deployment-controller-update.replicaset", "UPDATE replicasets web-", byController),
			},
		},
		{
			name: "eventwatcher-arms", do: arm("web"),
			reviews: []wanted{{of: "UPDATE deployments web", user: eventwatcher, why: "the event watcher arms the workload, which must not heal it"}},
		},
		{
			name:    "kubectl-apply-client-side-unchanged-after-arming",
			do:      kubectl("apply", "-f", "web.yaml"),
			reviews: []wanted{applies("UPDATE deployments web", applied)},
		},
	}
}

// arm does what the event watcher does, in its name: it takes the trailing newline from the last applied
// configuration, so that the next apply of the unchanged file is sent (eventwatcher/arm.go).
func arm(deployment string) step {
	run := func(ctx context.Context, s *session) error {
		jsonpath := "jsonpath={.metadata.annotations." + strings.ReplaceAll(corev1.LastAppliedConfigAnnotation, ".", `\.`) + "}"
		last, err := s.command(ctx, nil, s.cluster.Kubectl(), "--namespace="+namespace, "get", "deployment", deployment, "-o", jsonpath)
		if err != nil {
			return err
		}
		path := "/metadata/annotations/" + strings.ReplaceAll(corev1.LastAppliedConfigAnnotation, "/", "~1")
		patch, err := json.Marshal([]map[string]string{
			{"op": "test", "path": path, "value": last},
			{"op": "replace", "path": path, "value": strings.TrimRight(last, "\n")},
		})
		if err != nil {
			return fmt.Errorf("encode the arming patch: %w", err)
		}
		return kubectl("patch", "deployment", deployment, "--as="+eventwatcher, "--field-manager=kube-remedy-eventwatcher",
			"--type=json", "--patch="+string(patch)).run(ctx, s)
	}
	return step{text: "the event watcher's patch of the last-applied annotation", run: run}
}

// serverSide is kubectl apply --server-side.
func serverSide() []action {
	apply := kubectl("apply", "--server-side", "-f", "cart.yaml")
	return []action{
		{
			name: "kubectl-apply-server-side-create", before: []step{write("cart.yaml", "deployment.yaml", first)},
			do: apply, reviews: []wanted{applies("CREATE deployments cart", created)},
		},
		{
			name: "kubectl-apply-server-side-update", before: []step{write("cart.yaml", "deployment.yaml", second)},
			do: apply, reviews: []wanted{applies("UPDATE deployments cart", applied)},
		},
		{
			name: "kubectl-apply-server-side-unchanged",
			do:   apply, reviews: []wanted{applies("UPDATE deployments cart", applied)},
		},
		{
			name:    "kubectl-apply-server-side-dry-run-unchanged",
			do:      kubectl("apply", "--server-side", "--dry-run=server", "-f", "cart.yaml"),
			reviews: []wanted{applies("UPDATE deployments cart", "a dry run shows what the apply would do")},
		},
	}
}

// migration is the first server-side apply of what was applied client-side before: kubectl sends four requests.
func migration() []action {
	const checkout = "UPDATE deployments checkout"
	return []action{{
		name: "kubectl-apply-server-side-after-client-side",
		before: []step{
			write("checkout.yaml", "deployment.yaml", first), kubectl("apply", "-f", "checkout.yaml"),
			kubectl("rollout", "status", "deployment/checkout"), // else the controller's writes stand between these
		},
		do: kubectl("apply", "--server-side", "-f", "checkout.yaml"),
		reviews: []wanted{
			applies(checkout, applied).as("1-apply"),
			ignored(checkout, "it hands the last-applied annotation over; the apply is the request before it").as("2-last-applied"),
			applies(checkout, "it is a part of an apply: it hands managed fields over").as("3-managed-fields"),
			applies(checkout, applied).as("4-apply-again"),
		},
	}}
}

// namesakes are applies by kubectl under the names of deployers.
func namesakes() []action {
	all := []action{
		{
			name:    "kubectl-apply-client-side-with-the-name-argocd-controller-create",
			before:  []step{write("search.yaml", "deployment.yaml", first)},
			do:      kubectl("apply", "--field-manager=argocd-controller", "-f", "search.yaml"),
			reviews: []wanted{applies("CREATE deployments search", created)},
		},
		{
			name:    "kubectl-apply-client-side-with-the-name-argocd-controller-update",
			before:  []step{write("search.yaml", "deployment.yaml", second)},
			do:      kubectl("apply", "--field-manager=argocd-controller", "-f", "search.yaml"),
			reviews: []wanted{applies("UPDATE deployments search", applied)},
		},
	}
	for manager, object := range map[string]string{
		"argocd-controller": "payments", "kustomize-controller": "invoices", "helm-controller": "shipping", "Terraform": "newsletter",
	} {
		all = append(all, namesake(manager, object)...)
	}
	slices.SortStableFunc(all[2:], func(a, b action) int { return strings.Compare(a.do.text, b.do.text) })
	return all
}

// namesake is a server-side apply under a deployer's name: of a new, a changed and an unchanged file.
func namesake(manager, object string) []action {
	file := object + ".yaml"
	name := "kubectl-apply-server-side-with-the-name-" + strings.ToLower(manager)
	apply := kubectl("apply", "--server-side", "--field-manager="+manager, "-f", file)
	return []action{
		{
			name: name + "-create", before: []step{write(file, "deployment.yaml", first)},
			do: apply, reviews: []wanted{applies("CREATE deployments "+object, created)},
		},
		{
			name: name + "-update", before: []step{write(file, "deployment.yaml", second)},
			do: apply, reviews: []wanted{applies("UPDATE deployments "+object, applied)},
		},
		{name: name + "-unchanged", do: apply, reviews: []wanted{applies("UPDATE deployments "+object, applied)}},
	}
}

// kustomize is kubectl apply -k.
func kustomize() []action {
	apply := kubectl("apply", "-k", "shop")
	return []action{
		{
			name:   "kubectl-apply-kustomize-create",
			before: []step{write("shop/catalog.yaml", "deployment.yaml", first), write("shop/kustomization.yaml", "kustomization.yaml", first)},
			do:     apply, reviews: []wanted{applies("CREATE deployments catalog", created)},
		},
		{
			name: "kubectl-apply-kustomize-update", before: []step{write("shop/kustomization.yaml", "kustomization.yaml", second)},
			do: apply, reviews: []wanted{applies("UPDATE deployments catalog", applied)},
		},
	}
}

// equivalent is an apply of a version of a group that the webhook did not ask for but is given converted.
func equivalent() []action {
	return []action{{
		name: "kubectl-apply-client-side-other-version-create", before: []step{write("cart.yaml", "autoscaler-v1.yaml", first)},
		do:      kubectl("apply", "-f", "cart.yaml"),
		reviews: []wanted{applies("CREATE horizontalpodautoscalers cart", created)},
	}}
}
