import { CliError } from '../errors.ts';
import type { GetFlags } from './get.ts';
import { withKube } from './session.ts';

/** `get --raw PATH`: what the server answers, as it is. */
export async function getRaw(path: string, words: readonly string[], flags: GetFlags): Promise<void> {
  if (words.length > 0) throw new CliError('arguments may not be passed when --raw is specified');
  if (flags.filename?.length) throw new CliError('--raw and --filename are mutually exclusive');
  if (flags.output) throw new CliError('--raw and --output are mutually exclusive');
  if (!path.startsWith('/')) throw new CliError(`--raw must be an absolute path, like /version`);
  await withKube(flags, async ({ client }) => {
    for await (const chunk of await client.open(path)) process.stdout.write(chunk as Buffer);
  });
}
