#!/usr/bin/env bash
# Runs every check and says at the end how long each took. Stops at the first that fails.
# The cluster is started by the parts that need it and stopped after them unless it ran before or KEEP is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

names=() times=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# wrong repeats what assertions said and which tests failed, which may stand far up: the rest may run on for minutes, and
# who reads the record of a run may be shown its end alone.
wrong() {
	awk '/Error Trace:/ { said = 1 } said || /--- FAIL:/ { print } /\tTest:/ { said = 0 }' "$output" | cut -c1-400 | tail -n 150
}

# part NAME COMMAND… runs a command and remembers how long it took.
part() {
	local name=$1 start=$SECONDS
	shift
	printf '\n== %s\n' "$name"
	if ! "$@" 2>&1 | tee "$output"; then
		printf '\n%s failed after %s s: %s\n' "$name" "$((SECONDS - start))" "$*" >&2
		wrong >&2
		exit 1
	fi
	names+=("$name") times+=("$((SECONDS - start))")
}

part 'generated files' make --no-print-directory check-generated
part 'lint' make --no-print-directory lint
part 'unit tests' make --no-print-directory test-unit
part 'Helm chart' make --no-print-directory chart-test
part 'crashes of the event watcher' make --no-print-directory crash-test
part 'end-to-end tests on the real node' make --no-print-directory test-e2e
part 'installed chart on the real node' make --no-print-directory installed-test

printf '\nAll parts passed:\n'
for i in "${!names[@]}"; do
	printf '  %-36s %4d s\n' "${names[$i]}" "${times[$i]}"
done
printf '  %-36s %4d s\n' total "$SECONDS"
