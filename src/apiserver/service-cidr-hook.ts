import type { AnyObject } from '../api/object.ts';
import type { ServiceCIDR } from '../api/types/networking-v1.ts';
import type { Reservation, WriteHook } from './core.ts';
import type { ServiceRanges } from './service-ranges.ts';

/** Services get addresses of a ServiceCIDR from the moment it is stored to the moment it is to go. */
export class ServiceCidrHook implements WriteHook {
  readonly group = 'networking.k8s.io';
  readonly plural = 'servicecidrs';
  readonly #ranges: ServiceRanges;
  /** How many objects have a range: two may name the same. */
  readonly #objects = new Map<string, Set<string>>();

  constructor(ranges: ServiceRanges) {
    this.#ranges = ranges;
  }

  /** A stored object is as good as one that is stored now. */
  adopt(object: AnyObject): void {
    const { metadata, spec } = object as unknown as ServiceCIDR;
    const isLeaving = metadata.deletionTimestamp !== undefined;
    for (const cidr of spec?.cidrs ?? []) {
      const owners = this.#objects.get(cidr) ?? new Set();
      this.#objects.set(cidr, isLeaving ? without(owners, metadata.name) : owners.add(metadata.name ?? ''));
      this.#ranges.add(cidr, { isLeaving: this.#objects.get(cidr)?.size === 0 });
    }
  }

  prepare(object: AnyObject): Reservation {
    return { commit: () => this.adopt(object), release: () => undefined };
  }

  marked(object: AnyObject): void {
    this.adopt(object);
  }

  deleted(object: AnyObject): void {
    const { metadata, spec } = object as unknown as ServiceCIDR;
    for (const cidr of spec?.cidrs ?? []) {
      const owners = without(this.#objects.get(cidr) ?? new Set(), metadata.name);
      this.#objects.set(cidr, owners);
      if (owners.size > 0) continue;
      this.#objects.delete(cidr);
      this.#ranges.remove(cidr);
    }
  }
}

function without(names: Set<string>, name: string | undefined): Set<string> {
  names.delete(name ?? '');
  return names;
}
