import { text } from 'node:stream/consumers';
import { systemRandom } from '../../base/random.ts';
import { type ProbeRequest, runProbe } from '../../network/trace/probe.ts';
import { clock } from '../context.ts';
import { createOutput } from '../output.ts';

/** Tries what standard input asks for, in the network that this process is in, and prints what came of it as JSON. */
export async function probe(): Promise<void> {
  const request = JSON.parse(await text(process.stdin)) as ProbeRequest;
  createOutput().data(JSON.stringify(await runProbe(request, { clock, random: systemRandom })));
}
