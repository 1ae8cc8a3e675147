import { parseGoDuration } from '../../../api/go-duration.ts';
import { ApiError } from '../../../api/status.ts';
import type { AnyObject } from '../../../api/object.ts';
import { serviceAccounts } from '../../../client/resources.ts';
import { objectPath } from '../../../client/request-path.ts';
import { CliError } from '../../errors.ts';
import { objectPrinter } from '../print-objects.ts';
import { type KubeFlags, withKube } from '../session.ts';
import { nameOf } from './make.ts';

export interface TokenFlags extends KubeFlags {
  audience?: string[];
  duration?: string;
  boundObjectKind?: string;
  boundObjectName?: string;
  boundObjectUid?: string;
  output?: string;
}

const boundKinds = ['Node', 'Pod', 'Secret'];

/** `timonel create token ACCOUNT`: asks for a token (TokenRequest, authentication.k8s.io/v1), and prints it. */
export async function createToken(words: readonly string[], flags: TokenFlags): Promise<void> {
  const name = nameOf(words, 'token');
  const spec = { ...boundTo(flags), ...audiences(flags), ...expiration(flags) };
  const printer = await objectPrinter(flags.output);
  await withKube(flags, async (kube) => {
    const path = objectPath(serviceAccounts, { name, namespace: kube.namespace }, 'token');
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec };
    const answer = (await kube.client.raw('POST', path, request).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      throw new CliError(`failed to create token: ${error.message}`, { cause: error });
    })) as AnyObject & { status?: { token?: string } };
    if (printer) return void process.stdout.write(printer.print(answer));
    process.stdout.write(`${answer.status?.token ?? ''}\n`);
  });
}

function boundTo({ boundObjectKind: kind, boundObjectName: name, boundObjectUid: uid }: TokenFlags): object {
  if (!kind) {
    if (name) throw new CliError('--bound-object-name can only be set if --bound-object-kind is provided');
    if (uid) throw new CliError('--bound-object-uid can only be set if --bound-object-kind is provided');
    return {};
  }
  if (!boundKinds.includes(kind))
    throw new CliError(`supported --bound-object-kind values are ${boundKinds.join(', ')}`);
  if (!name) throw new CliError('--bound-object-name is required if --bound-object-kind is provided');
  return { boundObjectRef: { apiVersion: 'v1', kind, name, ...(uid && { uid }) } };
}

function audiences({ audience }: TokenFlags): object {
  return audience ? { audiences: audience } : {};
}

function expiration({ duration }: TokenFlags): object {
  if (duration === undefined) return {};
  const nanos = parseGoDuration(duration);
  if (nanos === undefined) throw new CliError(`invalid argument "${duration}" for "--duration" flag`);
  if (nanos < 0) throw new CliError('--duration must be greater than or equal to 0');
  if (nanos % 1e9 !== 0) throw new CliError('--duration cannot be expressed in units less than seconds');
  return nanos === 0 ? {} : { expirationSeconds: nanos / 1e9 };
}
