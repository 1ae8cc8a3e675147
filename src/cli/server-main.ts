// The server's process of a cluster that the launcher starts: `server.cjs --state FILE`. Everybody waits for it, so it
// is a CommonJS script, which Node starts quicker than a module, and its program is one file, with compiled code.
import { dirname, join } from 'node:path';
import { loadCompiled } from './compiled-code.ts';
import type { localServer } from './local-server.ts';

/** The file of the server's program, beside this one. */
declare const TIMONEL_PROGRAM: string;

const stateFile = process.argv[3] as string;
const { exports, keep } = loadCompiled(join(__dirname, TIMONEL_PROGRAM), join(dirname(dirname(stateFile)), '.code'));
void (exports as { localServer: typeof localServer }).localServer(stateFile, keep);
