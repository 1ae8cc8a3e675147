import type { APIService, APIServiceCondition } from '../../api/types/apiregistration-v1.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';

export type Verdict = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

export const available: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };
export const local: Verdict = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };

/** The port that an APIService names, or that it gets by default. */
export const defaultServicePort = 443;

/**
 * Why an extension server cannot be there, by what the cluster knows of its service; undefined: it has to be asked.
 * (kube-aggregator's availability controller.)
 */
export function obstacleOf(
  { spec }: APIService,
  { service, slices }: { service: Service | undefined; slices: readonly EndpointSlice[] },
): Verdict | undefined {
  const { name = '', namespace = '', port = defaultServicePort } = spec?.service ?? {};
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  if (!service) return missing('ServiceNotFound', `${where} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const found = service.spec?.ports?.find((each) => each.port === port);
  if (!found) return missing('ServicePortError', `${where} is not listening on port ${port}`);
  if (slices.length === 0) return missing('EndpointsNotFound', `cannot find endpointslices for ${where}`);
  const portName = found.name ?? '';
  if (slices.some((slice) => isServing(slice, portName))) return undefined;
  const text = `endpointslices for ${where} have no addresses with port name ${JSON.stringify(portName)}`;
  return missing('MissingEndpoints', text);
}

function isServing({ endpoints, ports = [] }: EndpointSlice, portName: string): boolean {
  // A list of the API may be null.
  const isReady = (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false);
  return isReady && ports.some(({ name = '', port }) => name === portName && port !== undefined);
}

export function failedCheck(message: string): Verdict {
  return missing('FailedDiscoveryCheck', message);
}

function missing(reason: string, message: string): Verdict {
  return { status: 'False', reason, message };
}

/** The conditions after a look; undefined when it found nothing new. A change of the words is no transition. */
export function conditionsAfter(
  { status }: APIService,
  verdict: Verdict,
  now: string,
): APIServiceCondition[] | undefined {
  const conditions = status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'Available');
  const isSame = before?.status === verdict.status;
  if (isSame && before.reason === verdict.reason && before.message === verdict.message) return undefined;
  const lastTransitionTime = (isSame && before.lastTransitionTime) || now;
  const condition = { type: 'Available', ...verdict, lastTransitionTime };
  return [...conditions.filter(({ type }) => type !== 'Available'), condition];
}

export function isAvailable({ status }: APIService): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === 'Available' && condition.status === 'True') ?? false
  );
}
