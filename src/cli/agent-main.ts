// The process of a node's agent that the launcher starts: `agent.cjs --state FILE`. A script and a program of its own, as
// the server's (`server-main.ts`): what pods wait for first is that it is loaded.
import { join } from 'node:path';
import { loadCompiled } from './compiled-code.ts';
import type { localAgent } from './local-agent.ts';

/** The file of the agent's program, beside this one. */
declare const TIMONEL_PROGRAM: string;

const configFile = process.argv[3] as string;
// The clusters' directory, above the cluster's, `nodes` and the node's.
const { exports, keep } = loadCompiled(join(__dirname, TIMONEL_PROGRAM), join(configFile, '../../../../.code'));
void (exports as { localAgent: typeof localAgent }).localAgent(configFile, keep);
