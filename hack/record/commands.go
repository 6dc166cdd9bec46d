package main

// commands are kubectl's commands that change the Deployment web, which clientSide has made.
func commands() []action {
	const update, web = "UPDATE deployments web", "deployment/web"
	return []action{
		{
			name: "kubectl-annotate", do: kubectl("annotate", web, "shop.example/owner=checkout-team"),
			reviews: []wanted{ignored(update, metadata)},
		},
		{
			name: "kubectl-label", do: kubectl("label", web, "tier=front"),
			reviews: []wanted{ignored(update, metadata)},
		},
		{
			name: "kubectl-scale", do: kubectl("scale", web, "--replicas=2"),
			reviews: []wanted{ignored("UPDATE deployments/scale web", subresource)},
		},
		{
			name: "kubectl-patch-replicas", do: kubectl("patch", web, `--patch={"spec":{"replicas":1}}`),
			reviews: []wanted{ignored(update, neither)},
		},
		{
			name:    "kubectl-patch-template",
			do:      kubectl("patch", web, `--patch={"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"LOG_LEVEL","value":"debug"}]}]}}}}`),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-edit", do: edit(`s/memory:.128Mi/memory:\ 192Mi/`, web),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-edit-replicas", do: edit(`/^spec:/,/^status:/s/replicas:.1/replicas:\ 2/`, web),
			reviews: []wanted{ignored(update, neither)},
		},
		{
			name: "kubectl-set-image", do: kubectl("set", "image", web, "app="+image+":"+third),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-set-resources", do: kubectl("set", "resources", web, "--limits=memory=256Mi"),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-rollout-restart", do: kubectl("rollout", "restart", web),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-rollout-undo", do: kubectl("rollout", "undo", web),
			reviews: []wanted{applies(update, templated)},
		},
		{
			name: "kubectl-rollout-pause", do: kubectl("rollout", "pause", web),
			reviews: []wanted{ignored(update, neither)},
		},
		{
			name: "kubectl-rollout-resume", do: kubectl("rollout", "resume", web),
			reviews: []wanted{ignored(update, neither)},
		},
	}
}

// autoscaling makes the autoscaler act at once: fewer replicas run than it is told to keep.
func autoscaling() []action {
	return []action{{
		name:   "kubectl-autoscale",
		before: []step{kubectl("scale", "deployment/web", "--replicas=1")},
		do:     kubectl("autoscale", "deployment/web", "--min=2", "--max=3", "--cpu=80%"),
		reviews: []wanted{
			applies("CREATE horizontalpodautoscalers web", created),
			controlled(autoscaler, "horizontal-pod-autoscaler-scale", "UPDATE deployments/scale web", subresource),
		},
	}}
}

// replacing is replace in its two kinds, and what some do instead.
func replacing() []action {
	return []action{
		{
			name: "kubectl-replace",
			before: []step{
				kubectl("delete", "horizontalpodautoscaler", "web"), // else it scales on
				write("web.yaml", "deployment.yaml", third),
			},
			do: kubectl("replace", "-f", "web.yaml"), reviews: []wanted{applies("UPDATE deployments web", applied)},
		},
		{
			name: "kubectl-replace-unchanged",
			do:   kubectl("replace", "-f", "web.yaml"), reviews: []wanted{applies("UPDATE deployments web", applied)},
		},
		{
			name: "kubectl-replace-force",
			do:   kubectl("replace", "--force", "-f", "web.yaml"), reviews: []wanted{applies("CREATE deployments web", created)},
		},
		{
			name: "kubectl-delete-and-apply", before: []step{kubectl("delete", "deployment", "web")},
			do: kubectl("apply", "-f", "web.yaml"), reviews: []wanted{applies("CREATE deployments web", created)},
		},
	}
}

// creates are creations without apply.
func creates() []action {
	return []action{
		{
			name: "kubectl-create", before: []step{write("gifts.yaml", "deployment.yaml", first)},
			do: kubectl("create", "-f", "gifts.yaml"), reviews: []wanted{applies("CREATE deployments gifts", created)},
		},
		{
			name:   "kubectl-create-generate-name-deployment",
			before: []step{write("preview.yaml", "generated-deployment.yaml", first)},
			do:     kubectl("create", "-f", "preview.yaml"), reviews: []wanted{applies("CREATE deployments preview-", created)},
		},
		{
			name:   "kubectl-create-generate-name-job",
			before: []step{write("import.yaml", "generated-job.yaml", first)},
			do:     kubectl("create", "-f", "import.yaml"), reviews: []wanted{applies("CREATE jobs import-", created)},
		},
		{
			name:   "kubectl-create-generate-name-pod",
			before: []step{write("probe.yaml", "generated-pod.yaml", first)},
			do:     kubectl("create", "-f", "probe.yaml"), reviews: []wanted{applies("CREATE pods probe-", created)},
		},
	}
}

// deployments are rarer writes of Deployments: the controller's only one that is no status, and those of one that is
// being deleted.
func deployments() []action {
	return []action{
		{
			name:   "kubectl-annotate-to-roll-back",
			before: []step{write("gifts.yaml", "deployment.yaml", second), kubectl("apply", "-f", "gifts.yaml"), kubectl("rollout", "status", "deployment/gifts")},
			do:     kubectl("annotate", "deployment/gifts", "deprecated.deployment.rollback.to=1"),
			reviews: []wanted{
				ignored("UPDATE deployments gifts", metadata),
				controlled(deploymentController, "deployment-controller-update.deployment", "UPDATE deployments gifts", "a controller writes, although it changes the pod template"),
			},
		},
		{
			name: "kubectl-apply-client-side-update-while-deleted",
			before: []step{
				write("fair.yaml", "lingering-deployment.yaml", first), kubectl("apply", "-f", "fair.yaml"), kubectl("rollout", "status", "deployment/fair"),
				kubectl("delete", "deployment", "fair", "--cascade=foreground", "--wait=false"), write("fair.yaml", "lingering-deployment.yaml", second),
			},
			do: kubectl("apply", "-f", "fair.yaml"),
			reviews: []wanted{
				ignored("UPDATE deployments fair", "the object is being deleted"),
				controlled(garbageCollector, "garbage-collector-update.deployment", "UPDATE deployments fair", byController),
			},
		},
	}
}
