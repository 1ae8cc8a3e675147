import type { Logger } from '../base/log.ts';
import type { ServiceCIDR } from '../api/types/networking-v1.ts';
import { familyOf } from '../base/ip-address.ts';
import type { Informers } from '../client/informers.ts';
import { serviceCidrs } from '../client/resources.ts';
import { ipBatch } from './netns.ts';
import { type NetworkPlan, serviceRanges, stacksOf } from './network-plan.ts';

/**
 * Routes of the host to the ranges that ServiceCIDR objects add: to the cluster's bridge, so that packets for services
 * without rules do not leave the machine. A way that the host has already is left alone. They go with the bridge.
 */
export function keepServiceRoutes(plan: NetworkPlan, informers: Informers, log: Logger): { stop(): void } {
  const own = new Set(serviceRanges(plan));
  const change = (verb: 'add' | 'del', { spec }: ServiceCIDR): void => {
    const lines = (spec?.cidrs ?? []).flatMap((cidr) => {
      const source = stacksOf(plan).find(({ family }) => family === familyOf(cidr))?.hostAddress;
      return own.has(cidr) || source === undefined ? [] : [`route ${verb} ${cidr} dev ${plan.bridge} src ${source}`];
    });
    ipBatch(lines).catch((error: unknown) => log.warn('a route to a service range was not set', { error }));
  };
  const stop = informers.of(serviceCidrs).subscribe({
    added: (object) => change('add', object),
    deleted: (object) => change('del', object),
  });
  return { stop };
}
