import { readFileSync } from 'node:fs';
import type { AgentConfig } from '../cluster/agent-config.ts';
import { runAgent } from '../cluster/agent-process.ts';
import { requireRoot } from './context.ts';
import { foreground } from './foreground.ts';

/** The agent of a node that the launcher starts, of the configuration in `file`. */
export async function localAgent(file: string): Promise<void> {
  requireRoot('running a node');
  const config = JSON.parse(readFileSync(file, 'utf8')) as AgentConfig;
  await foreground((surroundings) => runAgent(config, surroundings));
}
