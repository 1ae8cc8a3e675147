import { withCluster } from '../compose/connection.ts';
import { logs as kubeLogs } from '../kube/logs.ts';
import { serviceLabel } from '../../delivery/compose/translate/names.ts';
import { requireService, type StackFlags, stackServices } from './stacks.ts';

export interface ServiceLogFlags extends StackFlags {
  follow?: boolean;
  tail?: string;
  since?: string;
  timestamps?: boolean;
  raw?: boolean;
}

const maxLogs = '1000';

/** `timonel service logs SERVICE`: of all its containers, each line with its pod's name. */
export async function logs(name: string, flags: ServiceLogFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const { namespace, service } = requireService(await stackServices(client), name);
    const { raw, tail = '-1', ...rest } = flags;
    const selector = `${serviceLabel}=${service}`;
    await kubeLogs(undefined, undefined, { ...rest, tail, namespace, selector, prefix: !raw, maxLogRequests: maxLogs });
  });
}
