package main

// Why it counts or does not that the image of something without spec.template is set.
const (
	nested       = "it changes the pod template, which a CronJob has in spec.jobTemplate.spec.template"
	templateless = "it comes from no apply, and a bare Pod has no pod template"
)

// workloads are the kinds beside Deployment, and what their controllers write.
func workloads() []action {
	return []action{
		{
			name: "kubectl-apply-client-side-create-statefulset", before: []step{write("orders.yaml", "statefulset.yaml", first)},
			do: kubectl("apply", "-f", "orders.yaml"),
			reviews: []wanted{
				applies("CREATE statefulsets orders", created),
				controlled(statefulSetController, "statefulset-controller-create.controllerrevision", "CREATE controllerrevisions orders-", byController),
				controlled(statefulSetController, "statefulset-controller-create.persistentvolumeclaim", "CREATE persistentvolumeclaims data-orders-0", byController),
				controlled(statefulSetController, "statefulset-controller-create.pod", "CREATE pods orders-0", byController),
				controlled(statefulSetController, "statefulset-controller-update.statefulset-status", "UPDATE statefulsets/status orders", subresource),
			},
		},
		{
			name: "kubectl-apply-client-side-update-statefulset", before: []step{write("orders.yaml", "statefulset.yaml", second)},
			do: kubectl("apply", "-f", "orders.yaml"), reviews: []wanted{applies("UPDATE statefulsets orders", applied)},
		},
		{
			name: "kubectl-scale-statefulset",
			do:   kubectl("scale", "statefulset/orders", "--replicas=2"), reviews: []wanted{ignored("UPDATE statefulsets/scale orders", subresource)},
		},
		{
			name: "kubectl-rollout-undo-statefulset",
			do:   kubectl("rollout", "undo", "statefulset/orders"), reviews: []wanted{applies("UPDATE statefulsets orders", templated)},
		},
		{
			name: "kubectl-apply-client-side-create-daemonset", before: []step{write("log-agent.yaml", "daemonset.yaml", first)},
			do: kubectl("apply", "-f", "log-agent.yaml"),
			reviews: []wanted{
				applies("CREATE daemonsets log-agent", created),
				controlled(daemonSetController, "daemonset-controller-create.controllerrevision", "CREATE controllerrevisions log-agent-", byController),
				controlled(daemonSetController, "daemonset-controller-create.pod", "CREATE pods log-agent-", byController),
			},
		},
		{
			name: "kubectl-set-image-daemonset",
			do:   kubectl("set", "image", "daemonset/log-agent", "app="+image+":"+second), reviews: []wanted{applies("UPDATE daemonsets log-agent", templated)},
		},
		{
			name: "kubectl-apply-client-side-create-replicationcontroller", before: []step{write("till.yaml", "replicationcontroller.yaml", first)},
			do: kubectl("apply", "-f", "till.yaml"),
			reviews: []wanted{
				applies("CREATE replicationcontrollers till", created),
				controlled(replicationController, "replication-controller-create.pod", "CREATE pods till-", byController),
			},
		},
		{
			name: "kubectl-create-persistentvolumeclaim", before: []step{write("uploads.yaml", "persistentvolumeclaim.yaml", first)},
			do: kubectl("create", "-f", "uploads.yaml"), reviews: []wanted{applies("CREATE persistentvolumeclaims uploads", created)},
		},
	}
}

// jobs are Jobs and CronJobs.
func jobs() []action {
	return []action{
		{
			name: "kubectl-apply-client-side-create-job", before: []step{write("migrate.yaml", "job.yaml", first)},
			do: kubectl("apply", "-f", "migrate.yaml"),
			reviews: []wanted{
				applies("CREATE jobs migrate", created),
				controlled(jobController, "job-controller-create.pod", "CREATE pods migrate-", byController),
				controlled(jobController, "job-controller-update.pod", "UPDATE pods migrate-", byController),
				controlled(jobController, "job-controller-update.job-status", "UPDATE jobs/status migrate", subresource),
			},
		},
		{
			name: "kubectl-apply-client-side-create-cronjob", before: []step{write("report.yaml", "cronjob.yaml", first)},
			do: kubectl("apply", "-f", "report.yaml"),
			reviews: []wanted{
				applies("CREATE cronjobs report", created),
				controlled(cronJobController, "cronjob-controller-create.job", "CREATE jobs report-", byController),
				controlled(cronJobController, "cronjob-controller-update.cronjob-status", "UPDATE cronjobs/status report", subresource),
			},
		},
		{
			name: "kubectl-create-job-from-cronjob",
			do:   kubectl("create", "job", "report-by-hand", "--from=cronjob/report"), reviews: []wanted{applies("CREATE jobs report-by-hand", created)},
		},
		{
			name: "kubectl-set-image-cronjob",
			do:   kubectl("set", "image", "cronjob/report", "app="+image+":"+second), reviews: []wanted{applies("UPDATE cronjobs report", nested)},
		},
		{
			name: "kubectl-patch-cronjob-suspend",
			do:   kubectl("patch", "cronjob/report", `--patch={"spec":{"suspend":true}}`), reviews: []wanted{ignored("UPDATE cronjobs report", neither)},
		},
	}
}

// pods are Pods that no controller made.
func pods() []action {
	return []action{
		{
			name: "kubectl-run",
			do:   kubectl("run", "shell", "--image="+image+":"+first), reviews: []wanted{applies("CREATE pods shell", created)},
		},
		{
			name: "kubectl-apply-client-side-create-pod", before: []step{write("toolbox.yaml", "pod.yaml", first)},
			do: kubectl("apply", "-f", "toolbox.yaml"), reviews: []wanted{applies("CREATE pods toolbox", created)},
		},
		{
			name: "kubectl-apply-client-side-update-pod", before: []step{write("toolbox.yaml", "pod.yaml", second)},
			do: kubectl("apply", "-f", "toolbox.yaml"), reviews: []wanted{applies("UPDATE pods toolbox", applied)},
		},
		{
			name: "kubectl-set-image-pod",
			do:   kubectl("set", "image", "pod/toolbox", "app="+image+":"+third), reviews: []wanted{ignored("UPDATE pods toolbox", templateless)},
		},
		{
			name: "kubectl-label-pod", do: kubectl("label", "pod/toolbox", "tier=back"),
			reviews: []wanted{ignored("UPDATE pods toolbox", metadata)},
		},
		{
			name: "kubectl-debug-ephemeral-container", before: []step{kubectl("wait", "--for=condition=Ready", "pod/toolbox", "--timeout=60s")},
			do:      kubectl("debug", "pod/toolbox", "--image=busybox:1.36", "--profile=general", "--", "sleep", "1"),
			reviews: []wanted{ignored("UPDATE pods/ephemeralcontainers toolbox", subresource)},
		},
		{
			name:    "kubectl-patch-pod-resize",
			do:      kubectl("patch", "pod/toolbox", "--subresource=resize", `--patch={"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"160Mi"}}}]}}`),
			reviews: []wanted{ignored("UPDATE pods/resize toolbox", subresource)},
		},
	}
}
