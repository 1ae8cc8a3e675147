import { addChartCommands } from './chart/commands.ts';
import { endWithFailure } from './end-with-failure.ts';
import { programFrame, withHelp } from './program-frame.ts';

/**
 * `timonel chart …` as a program of its own, in one file: commands on charts end so soon that loading is most of their
 * time. It never rejects.
 */
export async function chartProgram(version: string, words: readonly string[]): Promise<void> {
  try {
    const program = programFrame(version);
    addChartCommands(program);
    await withHelp(program).parseAsync(words, { from: 'user' });
  } catch (error) {
    endWithFailure(error, words);
  }
}
