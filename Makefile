# What can be done here; `make help` lists it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Everything that is built for development lands here; nothing outside is touched but Go's and the cluster's caches.
BIN := $(CURDIR)/bin
DEVCLUSTER := $(BIN)/devcluster
GOLANGCI_LINT := $(BIN)/golangci-lint
CONTROLLER_GEN := $(BIN)/controller-gen

# The Go modules of this repository with code of its own; hack/devcluster/kube and hack/certmanager compile Kubernetes and
# cert-manager.
MODULES := . hack hack/devcluster

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/
	go build -trimpath -o $(BIN)/kube-remedy-webhook ./cmd/webhook
	go build -trimpath -o $(BIN)/kube-remedy-eventwatcher ./cmd/eventwatcher
	go build -trimpath -o $(BIN)/kubectl-remedy ./cmd/kubectl-remedy

.PHONY: images
images: ## Make the container images into dist/images (VERSION=v1.2.3; PUSH=ghcr.io/kube-remedy to push them too)
	@cd hack && go run ./images -version='$(VERSION)' -push='$(PUSH)' $(if $(INSECURE),-insecure)

.PHONY: catalog-report
catalog-report: ## Print what the catalogue has, and how right and how well calibrated it is on its cases
	@cd hack && go run ./catalog-report

.PHONY: gist
gist: ## Learn anew what words say of failures, after texts or cases have changed
	@cd hack && go run ./gist

.PHONY: gist-report
gist-report: ## Print how right the words are on texts that were left out of the learning
	@cd hack && go run ./gist -report

.PHONY: demo
demo: ## Tell the story on a real cluster: a container is OOM-killed, the next apply is healed
	@cd hack && go run ./demo

.PHONY: demo-clean
demo-clean: ## Remove everything that the demo left
	@cd hack && go run ./demo -clean

.PHONY: record-reviews
record-reviews: ## Record anew, on the running cluster, the reviews that the webhook is tested with
	@cd hack && go run ./record

.PHONY: cluster-up
cluster-up: $(DEVCLUSTER) ## Start a real Kubernetes on this machine, or find the running one
	@$(DEVCLUSTER) up

.PHONY: cluster-down
cluster-down: $(DEVCLUSTER) ## Stop the cluster and remove what it made
	@$(DEVCLUSTER) down

.PHONY: cluster-status
cluster-status: $(DEVCLUSTER) ## Show the cluster's processes and how to reach it
	@$(DEVCLUSTER) status

.PHONY: test
test: ## Run every check: generated files, lint, unit tests, end-to-end tests on the real node
	@hack/test.sh

.PHONY: test-unit
test-unit: ## Run the tests that need no cluster
	@for module in $(MODULES); do (cd $$module && go test -race $$(go list ./... | grep -vE '/hack/(chart|crash|e2e|installed)$$')); done

.PHONY: chart-test
chart-test: ## Test the Helm chart with the real Helm, and on the API server of a running cluster
	@cd hack && go test -count=1 -timeout 60m ./chart

.PHONY: crash-test
crash-test: ## Kill the event watcher at its writes and take events from it, on an API server of its own: a part of the matrix
	@cd hack && go test -count=1 -timeout 30m ./crash

.PHONY: crash-matrix
crash-matrix: ## The same with the whole matrix: every write and every event of every story (about 15 minutes)
	@cd hack && CRASH_MATRIX=all go test -count=1 -timeout 120m -v ./crash

.PHONY: test-e2e
test-e2e: ## Run the tests on the real API server and the real node (KEEP=1 leaves the cluster running)
	@cd hack && go test -count=1 -timeout 60m -v ./e2e

.PHONY: installed-test
installed-test: ## Install the Helm chart on the real node, and replace and kill its pods while workloads are applied (KEEP=1 leaves the cluster running)
	@cd hack && go test -count=1 -timeout 30m -v ./installed

.PHONY: dashboard-check
dashboard-check: ## Ask a real Prometheus for all that the dashboard shows and the alerts compare, after a heal on the real node (needs prometheus; SHOTS=directory leaves pictures, with chromium and npm; KEEP=1 the cluster running)
	@cd hack && go run ./dashboard $(if $(SHOTS),-shots=$(abspath $(SHOTS)))

.PHONY: property
property: ## Resolve random actions against a million random objects and check what is promised of them
	PROPERTY_CASES=$${PROPERTY_CASES:-1000000} go test -count=1 -timeout 60m -run TestProperties -v ./engine/remedy

.PHONY: success-rates
success-rates: ## Let the workloads of hack/scenarios fail on the real node, heal them by applying them again, and write docs/success-rates.md (20 minutes)
	@cd hack && go run ./scenarios/rates

.PHONY: success-rates-offline
success-rates-offline: ## Diagnose and heal the same from the evidence that the last run captured, without a cluster
	@cd hack && go run ./scenarios/rates -offline

.PHONY: bench-webhook
bench-webhook: ## Measure the webhook beside usual ones, and print which goals it reaches (a few minutes)
	@cd hack && go run ./bench-webhook

.PHONY: bench-watcher
bench-watcher: ## Measure the event watcher in a made-up cluster of 150,000 pods, beside a usual informer (a few minutes)
	@cd hack && go run ./bench-watcher

# It starts a cluster of its own beside those that run, and takes it down; pods there are played by kwok.
.PHONY: bench-watcher-real
bench-watcher-real: ## Measure the event watcher on a real API server with 20,000 pods, beside a usual informer (a quarter of an hour)
	@cd hack && go run ./bench-watcher -real

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Check style and the walls between packages
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI_LINT) run --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Write generated code and the custom resource definition
	$(CONTROLLER_GEN) object paths=./engine/api/...
	$(CONTROLLER_GEN) crd:crdVersions=v1 paths=./engine/api/... output:crd:dir=charts/kube-remedy/files/crds
	cd hack && go run ./gist
	go run ./cmd/kubectl-remedy catalog -o markdown >docs/catalog.md
	cd hack && go run ./chart -w
	cd hack && go run ./metrics -document ../docs/metrics.md

.PHONY: check-generated
check-generated: ## Fail if generated files or go.mod files are not what would be generated
	@hack/check-generated.sh

.PHONY: clean
clean: ## Remove bin/
	rm -rf $(BIN)

# The tools are always handed to the go command, which knows best whether they are up to date.
.PHONY: $(DEVCLUSTER) $(GOLANGCI_LINT) $(CONTROLLER_GEN)
$(DEVCLUSTER):
	@cd hack/devcluster && go build -o $@ ./cmd/devcluster
$(GOLANGCI_LINT):
	@cd hack/tools && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(CONTROLLER_GEN):
	@cd hack/tools && go build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen
