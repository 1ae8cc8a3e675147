#!/usr/bin/env bash
# Sets everything up and runs every check and test. Closes with one line: "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh test || { echo "0 passed, 1 failed"; exit 1; }

failed_checks=0
passed_checks=0
for check in format:check typecheck lint; do
  echo "== $check"
  if npm run --silent "$check"; then passed_checks=$((passed_checks + 1)); else failed_checks=$((failed_checks + 1)); fi
done

report=$(mktemp -d)
trap 'rm -rf "$report"' EXIT
status=0
run_tests() {
  npx vitest run --project "$1" --reporter=default --reporter=json --outputFile="$report/$1.json"
}
echo "== tests: unit"
run_tests unit || status=1
# End-to-end tests wait most of their time: two of their projects run side by side, and are told of one after the other.
echo "== tests: e2e-cluster, e2e-delivery"
run_tests e2e-delivery >"$report/e2e-delivery.log" 2>&1 &
delivery=$!
run_tests e2e-cluster || status=1
wait "$delivery" || status=1
cat "$report/e2e-delivery.log"
node scripts/test-summary.mjs "$passed_checks" "$failed_checks" "$report"/{unit,e2e-cluster,e2e-delivery}.json || status=1
[ "$failed_checks" = 0 ] || status=1
exit "$status"
