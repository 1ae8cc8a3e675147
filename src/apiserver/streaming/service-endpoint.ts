import type { Random } from '../../base/random.ts';
import { ApiError } from '../../api/status.ts';
import type { Service } from '../../api/types/core-v1.ts';
import { endpointSlices } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** A ready endpoint of the service's port, any of them; `wanted` is the port's name or number. ServiceUnavailable for none. */
export async function chooseEndpoint(options: {
  lookup: Lookup;
  random: Random;
  service: Service;
  wanted: string;
}): Promise<{ host: string; port: number }> {
  const { lookup, random, service, wanted } = options;
  const name = service.metadata.name ?? '';
  const ports = service.spec?.ports ?? [];
  const chosen =
    wanted === '' && ports.length === 1
      ? ports[0]
      : ports.find((port) => (port.name ?? '') === wanted || String(port.port) === wanted);
  if (!chosen) {
    throw ApiError.of(
      'ServiceUnavailable',
      `no service port ${JSON.stringify(wanted)} found for service ${JSON.stringify(name)}`,
    );
  }
  const slices = await lookup.freshList(endpointSlices, service.metadata.namespace ?? '');
  const found = slices
    .filter((slice) => slice.metadata.labels?.[serviceNameLabel] === name)
    .flatMap((slice) => {
      const port = slice.ports?.find((candidate) => (candidate.name ?? '') === (chosen.name ?? ''))?.port;
      const ready = (slice.endpoints ?? []).filter((each) => each.conditions?.ready !== false);
      return port === undefined ? [] : ready.flatMap((each) => each.addresses.map((host) => ({ host, port })));
    });
  const target = found[random.int(found.length)];
  if (!target) throw ApiError.of('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  return target;
}
