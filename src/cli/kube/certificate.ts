import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { clock } from '../context.ts';
import { type ChangeFlags, changeObjects } from './change-objects.ts';

export interface CertificateFlags extends ChangeFlags {
  /** Even when it was decided already. */
  force?: boolean;
}

/** `timonel certificate approve NAME`: the signer may sign it. */
export async function approve(names: readonly string[], flags: CertificateFlags): Promise<void> {
  await decide(names, flags, { type: 'Approved', verb: 'approved', opposite: 'Denied' });
}

/** `timonel certificate deny NAME`: nobody signs it. */
export async function deny(names: readonly string[], flags: CertificateFlags): Promise<void> {
  await decide(names, flags, { type: 'Denied', verb: 'denied', opposite: 'Approved' });
}

interface Decision {
  type: 'Approved' | 'Denied';
  verb: string;
  opposite: string;
}

async function decide(
  names: readonly string[],
  flags: CertificateFlags,
  { type, verb, opposite }: Decision,
): Promise<void> {
  if (names.length === 0 && !flags.filename?.length)
    throw new CliError('one or more CSRs must be specified as <name> or -f <filename>');
  const words = names.length > 0 ? [certificateSigningRequests.plural, ...names] : [];
  await changeObjects(words, { ...flags, subresource: 'approval' }, (object) => {
    const request = object as CertificateSigningRequest;
    const { conditions = [] } = request.status ?? {};
    const name = request.metadata.name ?? '';
    if (conditions.some((condition) => condition.type === opposite))
      throw new CliError(`certificate signing request "${name}" is already ${opposite}`);
    const decided = conditions.some((condition) => condition.type === type);
    if (decided && !flags.force) return { said: verb };
    const condition = {
      type,
      status: 'True',
      reason: `Kubectl${type === 'Approved' ? 'Approve' : 'Deny'}`,
      message: `This CSR was ${verb} by kubectl certificate ${type === 'Approved' ? 'approve' : 'deny'}.`,
      lastUpdateTime: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    const document = {
      metadata: { resourceVersion: request.metadata.resourceVersion },
      status: { conditions: [...conditions.filter((each) => each.type !== type), condition] },
    };
    return { patch: { kind: 'merge', document }, said: verb };
  });
}
