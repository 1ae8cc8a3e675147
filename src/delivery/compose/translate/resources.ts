import type { ResourceRequirements } from '../../../api/types/core-v1.ts';
import type { ServiceScope } from './scope.ts';

type Amounts = Record<string, string>;

/** Memory that no machine has: a mistake in the file. 2^53 - 1 bytes are what is read exactly. */
export function resourcesOf(scope: ServiceScope): ResourceRequirements | undefined {
  const { service } = scope;
  const { limits: given, reservations } = service.deploy?.resources ?? {};
  const limits: Amounts = {};
  const requests: Amounts = {};
  const cpuLimit = given?.cpus ?? service.cpus ?? quota(scope) ?? service.cpu_count;
  const memoryLimit = given?.memory ?? service.mem_limit;
  if (cpuLimit !== undefined) limits['cpu'] = cpus(cpuLimit);
  if (isLimit(memoryLimit)) limits['memory'] = memoryLimit;
  // Without requests Kubernetes takes the limits for them; what is not reserved is not asked for.
  const cpuRequest = reservations?.cpus ?? (service.cpu_shares ? service.cpu_shares / 1024 : undefined);
  const memoryRequest = reservations?.memory ?? service.mem_reservation;
  if (cpuRequest !== undefined || 'cpu' in limits) requests['cpu'] = cpus(cpuRequest ?? 0);
  if (isLimit(memoryRequest) || 'memory' in limits) requests['memory'] = memoryRequest ?? '0';
  addGpus(scope, limits);
  checkSwap(scope, memoryLimit);
  const hasLimits = Object.keys(limits).length > 0;
  if (!hasLimits && Object.keys(requests).length === 0) return undefined;
  return { ...(hasLimits && { limits }), requests };
}

function isLimit(bytes: string | undefined): bytes is string {
  return bytes !== undefined && Number(bytes) > 0;
}

/** `0.5` → `500m`; the API knows no finer amounts of a processor. */
function cpus(value: number): string {
  return Number.isInteger(value) ? String(value) : `${Math.max(1, Math.round(value * 1000))}m`;
}

/** The share of a processor that a quota in each period is (microseconds; the kernel's period is 100 ms). */
function quota({ service }: ServiceScope): number | undefined {
  const { cpu_quota: microseconds, cpu_period: period = 100_000 } = service;
  return microseconds !== undefined && microseconds > 0 ? microseconds / period : undefined;
}

function addGpus({ service, problems, at }: ServiceScope, limits: Amounts): void {
  const requests = [
    ...(service.deploy?.resources?.reservations?.devices ?? []).map((device) => ({
      device,
      path: at('deploy', 'resources', 'reservations', 'devices'),
    })),
    ...(service.gpus ?? []).map((device) => ({ device, path: at('gpus') })),
  ];
  for (const { device, path } of requests) {
    const {
      count,
      device_ids: ids,
      driver = 'nvidia',
    } = device as { count?: number; device_ids?: string[]; driver?: string };
    const kind = `${driver === 'amd' ? 'amd' : 'nvidia'}.com/gpu`;
    const wanted = ids?.length ?? (count && count > 0 ? count : 1);
    limits[kind] = String(Number(limits[kind] ?? 0) + wanted);
    const which = ids ? '; which ones, the plugin decides' : count === -1 ? '; all of a node cannot be asked for' : '';
    problems.warn(path, `becomes a limit of ${wanted} ${kind}: a node needs its device plugin for that${which}`);
  }
}

/** Pods have no swap of their own: only a limit that gives none is kept. */
function checkSwap({ service, problems, at }: ServiceScope, memory: string | undefined): void {
  const { memswap_limit: swap } = service;
  if (swap === undefined || swap === memory) return;
  problems.warn(at('memswap_limit'), "containers get no swap of their own; the node's settings hold");
}
