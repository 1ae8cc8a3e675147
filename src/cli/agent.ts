import { readFileSync } from 'node:fs';
import { runAgent } from '../cluster/agent-process.ts';
import { standaloneAgentConfig } from '../cluster/standalone-agent.ts';
import type { AgentConfig } from '../cluster/agent-config.ts';
import { foreground } from './foreground.ts';

interface AgentFlags {
  state?: string;
  kubeconfig?: string;
  nodeName?: string;
  data: string;
  containerd?: string;
}

/** Runs a node in the foreground, until SIGTERM or SIGINT. Its containers go on running. */
export async function agent(options: AgentFlags): Promise<void> {
  await foreground(async (surroundings) => {
    const config = options.state
      ? (JSON.parse(readFileSync(options.state, 'utf8')) as AgentConfig)
      : await standaloneAgentConfig({ ...options, clock: surroundings.clock });
    return runAgent(config, surroundings);
  });
}
