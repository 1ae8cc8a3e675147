import { earlyServer } from './early-server.ts';

export { earlyServer };

/**
 * `timonel up …` as a program of its own, in one file: the sooner it is loaded, the sooner a server may begin that it has
 * started early. `keepCode`: see `compiled-code.ts`. It never rejects.
 */
export async function upProgram(
  version: string,
  { words, keepCode }: { words: readonly string[]; keepCode: (() => void) | undefined },
): Promise<void> {
  const { endWithFailure } = await import('./end-with-failure.ts');
  try {
    const { programFrame, withHelp } = await import('./program-frame.ts');
    const program = programFrame(version);
    (await import('./up-command.ts')).addUpCommand(program);
    await withHelp(program).parseAsync(words, { from: 'user' });
    keepCode?.();
  } catch (error) {
    endWithFailure(error, words);
  }
}
