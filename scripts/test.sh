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
for project in unit e2e; do
  echo "== tests: $project"
  npx vitest run --project "$project" --reporter=default --reporter=json --outputFile="$report/$project.json" || status=1
done
node scripts/test-summary.mjs "$passed_checks" "$failed_checks" "$report/unit.json" "$report/e2e.json" || status=1
[ "$failed_checks" = 0 ] || status=1
exit "$status"
