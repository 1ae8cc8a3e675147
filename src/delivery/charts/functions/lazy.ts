import type { FunctionMap, GoFunction } from '../template/function.ts';
import { Pause } from '../template/pause.ts';

/**
 * Functions whose module is loaded when one of them is first called: the call pauses the rendering until it is there.
 * `signatures` has a stand-in with the right parameters for each; `steps` is what a call takes of a rendering's budget.
 */
export function lazyFunctions(signatures: FunctionMap, load: () => Promise<FunctionMap>, steps = 0): FunctionMap {
  let loaded: FunctionMap | undefined;
  const wait = async (): Promise<void> => {
    loaded = await load();
  };
  const lazy = ([name, signature]: [string, GoFunction]): [string, GoFunction] => {
    const call: GoFunction['call'] = (args, execution) => {
      const real = loaded?.[name];
      if (!real) throw new Pause(wait);
      if (steps > 0) execution.spend(steps);
      return real.call(args, execution);
    };
    return [name, { ...signature, call }];
  };
  return Object.fromEntries(Object.entries(signatures).map(lazy));
}
