import type { StepStatus, Trace } from './facts.ts';

const marks: Readonly<Record<StepStatus, string>> = { ok: '✓', warning: '!', failed: '✗', unknown: '?' };
const titleWidth = 12;

/** A trace for people: each step with its mark, then what it comes to, what is wrong, and what to do. Pure. */
export function renderTrace({ from, to, works, steps, problems }: Trace, blind?: string): string {
  const lines = [`${from} → ${to}`, ''];
  for (const { title, status, lines: own } of steps) {
    const [first = '', ...rest] = own;
    lines.push(`${marks[status]} ${title.padEnd(titleWidth)}${first}`);
    for (const line of rest) lines.push(`  ${' '.repeat(titleWidth)}${line}`);
  }
  lines.push('', verdict(works, problems.length > 0));
  for (const { what, fix } of problems) {
    lines.push(`  ${sentence(what)}`);
    if (fix !== undefined) lines.push(`    → ${sentence(fix)}`);
  }
  if (blind !== undefined) lines.push('', `Not looked at from inside: ${blind}`);
  return lines.join('\n');
}

function verdict(works: boolean | undefined, hasProblems: boolean): string {
  if (works === true) return hasProblems ? 'It works. But:' : 'It works.';
  if (works === false) return 'It does not work:';
  return 'Nothing speaks against it, but no connection has shown that it works.';
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
