package main

// helmReleases are installs, upgrades and rollbacks with Helm, which applies server-side unless told otherwise.
func helmReleases() []action {
	return []action{
		{
			name: "helm-4-install", do: helm("install", "shop", "./chart"),
			reviews: []wanted{applies("CREATE deployments shop-web", created).as("deployment"), applies("CREATE cronjobs shop-report", created).as("cronjob")},
		},
		{
			name: "helm-4-upgrade", do: helm("upgrade", "shop", "./chart", "--set=tag="+second),
			reviews: []wanted{
				applies("CREATE jobs shop-migrate", created).as("hook-job"),
				applies("UPDATE deployments shop-web", applied).as("deployment"), applies("UPDATE cronjobs shop-report", applied).as("cronjob"),
			},
		},
		{
			name: "helm-4-upgrade-unchanged", do: helm("upgrade", "shop", "./chart", "--set=tag="+second),
			reviews: []wanted{applies("UPDATE deployments shop-web", applied).as("deployment")},
		},
		{
			name: "helm-4-rollback", do: helm("rollback", "shop", "1"),
			reviews: []wanted{applies("UPDATE deployments shop-web", applied).as("deployment"), applies("UPDATE cronjobs shop-report", applied).as("cronjob")},
		},
		{
			name: "helm-4-client-side-install", do: helm("install", "outlet", "./chart", "--server-side=false"),
			reviews: []wanted{applies("CREATE deployments outlet-web", created).as("deployment")},
		},
		{
			name: "helm-4-client-side-upgrade", do: helm("upgrade", "outlet", "./chart", "--set=tag="+second),
			reviews: []wanted{applies("UPDATE deployments outlet-web", applied).as("deployment")},
		},
		{
			name: "helm-4-client-side-rollback", do: helm("rollback", "outlet", "1"),
			reviews: []wanted{applies("UPDATE deployments outlet-web", applied).as("deployment")},
		},
		{
			name: "helm-4-upgrade-force-replace", do: helm("upgrade", "outlet", "./chart", "--force-replace", "--set=tag="+second),
			reviews: []wanted{applies("UPDATE deployments outlet-web", applied).as("deployment")},
		},
	}
}
