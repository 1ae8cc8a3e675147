import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { canonicalJson, semanticallyEqual } from '../semantic-equality.ts';

/** Endpoints that share their ports. */
export interface EndpointGroup {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export interface SliceChanges {
  create: EndpointSlice[];
  update: EndpointSlice[];
  remove: EndpointSlice[];
}

export interface PackingInput {
  /** The slices of one address type there are. */
  existing: readonly EndpointSlice[];
  groups: readonly EndpointGroup[];
  maxEndpoints: number;
  /** A slice with all but its endpoints and ports: what is created is made from it, what exists gets its labels. */
  blank: EndpointSlice;
}

/**
 * The fewest changes that make the slices say what they should. Endpoints stay in the slice they are in; new ones go
 * first to slices that change anyway, then to the fullest that takes the rest, then to new slices. With no endpoint
 * at all one empty slice stays, so that readers can tell "none" from "not known yet".
 */
export function packSlices(input: PackingInput): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], remove: [] };
  const wanted = new Map(input.groups.filter((g) => g.endpoints.length > 0).map((g) => [canonicalJson(g.ports), g]));
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of input.existing) {
    const ports = canonicalJson(slice.ports ?? []);
    if (slice.metadata.deletionTimestamp !== undefined) continue;
    if (!wanted.has(ports)) changes.remove.push(slice);
    else byPorts.set(ports, [...(byPorts.get(ports) ?? []), slice]);
  }
  for (const [ports, group] of wanted) packGroup(group, byPorts.get(ports) ?? [], input, changes);
  const alive = input.existing.filter((slice) => slice.metadata.deletionTimestamp === undefined);
  const kept = alive.length - changes.remove.length + changes.create.length;
  if (kept === 0) keepPlaceholder(input.blank, changes);
  return reuseRemoved(changes);
}

function packGroup(
  group: EndpointGroup,
  slices: readonly EndpointSlice[],
  input: PackingInput,
  changes: SliceChanges,
): void {
  const { blank, maxEndpoints } = input;
  const missing = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const drafts = slices.map((slice) => draftOf(slice, missing, blank));
  for (const draft of drafts.filter(({ changed }) => changed)) fill(draft, missing, maxEndpoints);
  if (missing.size > 0 && missing.size < maxEndpoints) {
    const room = drafts.filter((d) => !d.changed && d.endpoints.length + missing.size <= maxEndpoints);
    const fullest = room.toSorted((a, b) => b.endpoints.length - a.endpoints.length)[0];
    if (fullest) fill(fullest, missing, maxEndpoints);
  }
  for (const { slice, endpoints, changed } of drafts) {
    if (endpoints.length === 0) changes.remove.push(slice);
    else if (changed) changes.update.push(relabelled({ ...slice, endpoints }, blank));
  }
  while (missing.size > 0) {
    const draft: Draft = { slice: blank, endpoints: [], changed: true };
    fill(draft, missing, maxEndpoints);
    changes.create.push({ ...blank, endpoints: draft.endpoints, ports: group.ports });
  }
}

interface Draft {
  slice: EndpointSlice;
  endpoints: Endpoint[];
  changed: boolean;
}

/** What stays of a slice; what it holds already is taken off `missing`. */
function draftOf(slice: EndpointSlice, missing: Map<string, Endpoint>, blank: EndpointSlice): Draft {
  let changed = !semanticallyEqual(slice.metadata.labels, blank.metadata.labels);
  const endpoints: Endpoint[] = [];
  for (const endpoint of slice.endpoints ?? []) {
    const identity = identityOf(endpoint);
    const desired = missing.get(identity);
    missing.delete(identity);
    changed ||= !semanticallyEqual(endpoint, desired);
    if (desired) endpoints.push(desired);
  }
  return { slice, endpoints, changed };
}

function fill(draft: Draft, missing: Map<string, Endpoint>, max: number): void {
  for (const [identity, endpoint] of missing) {
    if (draft.endpoints.length >= max) return;
    draft.endpoints.push(endpoint);
    draft.changed = true;
    missing.delete(identity);
  }
}

function keepPlaceholder(blank: EndpointSlice, changes: SliceChanges): void {
  const placeholder: EndpointSlice = { ...blank, endpoints: [], ports: [] };
  const kept = changes.remove.findIndex(
    (slice) => (slice.ports ?? []).length === 0 && (slice.endpoints ?? []).length === 0,
  );
  const old = kept < 0 ? undefined : changes.remove.splice(kept, 1)[0];
  if (!old) changes.create.push(placeholder);
  else if (!semanticallyEqual(old.metadata.labels, blank.metadata.labels)) changes.update.push(relabelled(old, blank));
}

/** A slice that would go and one that would come are one write: the old one is rewritten. */
function reuseRemoved(changes: SliceChanges): SliceChanges {
  const count = Math.min(changes.remove.length, changes.create.length);
  const rewritten = changes.create.slice(0, count).map((created, i) => {
    const { endpoints = [], ports = [] } = created;
    return relabelled({ ...(changes.remove[i] as EndpointSlice), endpoints, ports }, created);
  });
  return {
    create: changes.create.slice(count),
    update: [...changes.update, ...rewritten],
    remove: changes.remove.slice(count),
  };
}

function relabelled(slice: EndpointSlice, blank: EndpointSlice): EndpointSlice {
  const annotations = { ...slice.metadata.annotations, ...blank.metadata.annotations };
  return { ...slice, metadata: { ...slice.metadata, labels: blank.metadata.labels ?? {}, annotations } };
}

function identityOf(endpoint: Endpoint): string {
  return `${endpoint.addresses.join(',')}|${endpoint.targetRef?.uid ?? endpoint.targetRef?.name ?? ''}`;
}
