import { checkPrerequisites, installLine } from '../cluster/prerequisites.ts';
import { createOutput, table } from './output.ts';

/** Lists what the host has and lacks. Exits with 1 when a cluster could not start. */
export async function doctor(options: { output?: 'json' }): Promise<void> {
  const checks = checkPrerequisites();
  const output = createOutput();
  if (options.output === 'json') output.data(JSON.stringify(checks));
  else {
    const rows = checks.map((check) => [check.found ? 'ok' : 'missing', check.need, check.why]);
    output.data(table(['', 'NEED', 'WHAT IT DOES'], rows));
    const lacking = checks.filter((check) => !check.found);
    const line = installLine(lacking);
    const other = lacking.flatMap(({ fix }) => (fix && !fix.startsWith('apt-get install') ? [fix] : []));
    for (const fix of [...(line ? [line] : []), ...other]) output.message(`To mend it: ${fix}`);
    if (lacking.length === 0) output.message('This host has all that a cluster needs.');
  }
  if (checks.some((check) => !check.found && check.for === 'up')) process.exitCode = 1;
}
