import type { TraceProblem } from './facts.ts';

/** Pods of one workload share their mistake: what is done about alike is told once. */
export function mergeProblems(problems: readonly TraceProblem[]): TraceProblem[] {
  const byFix = new Map<string, TraceProblem[]>();
  for (const problem of problems) {
    const key = problem.fix ?? problem.what;
    byFix.set(key, [...(byFix.get(key) ?? []), problem]);
  }
  return [...byFix.values()].map((alike) => {
    const [first] = alike as [TraceProblem];
    return alike.length === 1 ? first : { ...first, what: `${first.what} (and so for ${alike.length - 1} more)` };
  });
}
