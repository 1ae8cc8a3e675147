import { Environment, type TypeCheckResult } from '@marcbachmann/cel-js';

export type CelProgram = (context: Record<string, unknown>) => unknown;

export interface CelPrograms {
  check(text: string): TypeCheckResult;
  /** Is there a function of this name? */
  readonly hasFunction: (name: string) => boolean;
  /** An expression compiled, once; throws for one that cannot be. */
  of(text: string): CelProgram;
}

const programLimit = 5000;

export function hasFunction(environment: Environment, name: string): boolean {
  return environment.getDefinitions().functions.some((each) => each.name === name);
}

/**
 * Expressions over one environment, which is made when the first of them is met. `rewrite` turns what the engine has no
 * syntax for into what it has.
 */
export function celPrograms(
  furnish: (environment: Environment) => void,
  rewrite = (text: string): string => text,
): CelPrograms {
  const programs = new Map<string, CelProgram>();
  let made: Environment | undefined;
  const environment = (): Environment => {
    if (made) return made;
    made = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    furnish(made);
    return made;
  };
  return {
    check: (text) => environment().check(rewrite(text)),
    hasFunction: (name) => hasFunction(environment(), name),
    of(text) {
      const known = programs.get(text);
      if (known) return known;
      const parsed = environment().parse(rewrite(text));
      if (programs.size >= programLimit) programs.clear();
      programs.set(text, parsed);
      return parsed;
    },
  };
}
