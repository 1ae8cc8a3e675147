import { existsSync } from 'node:fs';
import { runAgent } from '../cluster/agent-process.ts';
import { standaloneAgentConfig } from '../cluster/standalone-agent.ts';
import { requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { foreground } from './foreground.ts';

interface AgentFlags {
  kubeconfig?: string;
  nodeName?: string;
  data: string;
  containerd?: string;
}

/** Runs a node in the foreground, until SIGTERM or SIGINT. Its containers go on running. */
export async function agent(options: AgentFlags): Promise<void> {
  requireRoot('running a node');
  await foreground(async (surroundings) => {
    const config = await standaloneAgentConfig({ ...options, clock: surroundings.clock });
    requireContainerd(config.runtimeSocket);
    return runAgent(config, surroundings);
  });
}

/** The launcher's agents wait for theirs, which starts beside them; a machine's own must be there. */
function requireContainerd(socket: string): void {
  if (existsSync(socket)) return;
  throw new CliError(`there is no containerd at ${socket}`, {
    hint: 'Start it (systemctl start containerd), or name its socket with --containerd. Missing? timonel doctor',
  });
}
