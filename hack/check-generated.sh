#!/usr/bin/env bash
# Fails if generated files, go.mod or go.sum differ from what their tools write. It changes nothing but puts
# the fresh files in place for comparison, and back again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

make --no-print-directory "$PWD/bin/controller-gen"
mkdir -p "$fresh/crds" "$fresh/code"
bin/controller-gen crd:crdVersions=v1 paths=./engine/api/... output:crd:dir="$fresh/crds"
bin/controller-gen object paths=./engine/api/... output:object:dir="$fresh/code"
go run ./cmd/kubectl-remedy catalog -o markdown >"$fresh/catalog.md"
(cd hack && go run ./chart) >"$fresh/install.md"
(cd hack && go run ./metrics) >"$fresh/metrics.md"

failed=0
diff -u charts/kube-remedy/files/crds "$fresh/crds" || failed=1
diff -u engine/api/v1alpha1/zz_generated.deepcopy.go "$fresh/code/zz_generated.deepcopy.go" || failed=1
diff -u docs/catalog.md "$fresh/catalog.md" || failed=1
diff -u docs/install.md "$fresh/install.md" || failed=1
diff -u docs/metrics.md "$fresh/metrics.md" || failed=1
for module in . hack hack/certmanager hack/devcluster hack/devcluster/kube hack/tools; do
	(cd "$module" && go mod tidy -diff) || { echo "$module: go.mod or go.sum is not tidy; run go mod tidy there" >&2; failed=1; }
done
if [ "$failed" != 0 ]; then
	echo "generated files are out of date: run make generate" >&2
	exit 1
fi
