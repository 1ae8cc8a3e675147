// Adds up the checks and the test reports (vitest's JSON) and prints the closing line. A skipped test fails in CI, and so
// does a report without tests.
import { readFileSync } from 'node:fs';

const [passedChecks, failedChecks, ...reports] = process.argv.slice(2);
let passed = Number(passedChecks);
let failed = Number(failedChecks);
for (const file of reports) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    process.stderr.write(`no test report: ${error.message}\n`);
    failed++;
    continue;
  }
  const skipped = report.numPendingTests + report.numTodoTests;
  const brokenFiles = report.testResults.filter((r) => r.status === 'failed' && r.assertionResults.length === 0).length;
  if (skipped > 0) process.stderr.write(`${skipped} tests were skipped\n`);
  if (report.numTotalTests === 0) failed++;
  passed += report.numPassedTests;
  failed += report.numFailedTests + brokenFiles + (process.env.CI ? skipped : 0);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
