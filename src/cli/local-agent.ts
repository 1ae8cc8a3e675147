import { readFileSync } from 'node:fs';
import type { AgentConfig } from '../cluster/agent-config.ts';
import { runAgent } from '../cluster/agent-process.ts';
import { requireRoot } from './context.ts';
import { fail } from './fail.ts';
import { foreground } from './foreground.ts';
import { keepLater } from './keep-code.ts';

/**
 * The agent of a node that the launcher starts, of the configuration in `file`. It is a program of its own, so it ends by
 * itself when something goes wrong. `keepCode`: see `compiled-code.ts`.
 */
export async function localAgent(file: string, keepCode: (() => void) | undefined): Promise<void> {
  try {
    requireRoot('running a node');
    const config = JSON.parse(readFileSync(file, 'utf8')) as AgentConfig;
    await foreground(async (surroundings) => {
      const running = await runAgent(config, surroundings);
      keepLater(keepCode, surroundings);
      return running;
    });
  } catch (error) {
    fail(error);
  }
}
