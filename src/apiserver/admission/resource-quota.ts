import type { Clock } from '../../base/clock.ts';
import { compareQuantities, subtractQuantities } from '../../api/quantity.ts';
import type { Pod, ResourceQuota } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { resourceQuotas } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import type { QuotaLedger } from './quota-ledger.ts';
import { inScope, unspecified, usageOf } from './quota-usage.ts';
import type { Usage } from './quota-usage.ts';
import { refusal, resizesPod } from './refuse.ts';

/** How long an admitted object may take until it is stored; after that it is believed to have failed. */
const reservationMs = 5000;

/**
 * Refuses what would take a namespace over one of its quotas. Runs last: it counts what all others have made of the
 * object.
 */
export function resourceQuota(lookup: Lookup, ledger: QuotaLedger, clock: Clock): AdmissionPlugin {
  return {
    name: 'ResourceQuota',
    handles(request) {
      if ((request.subresource !== '' && !resizesPod(request)) || request.namespace === '' || !request.object)
        return false;
      return request.operation === 'CREATE' || request.operation === 'UPDATE';
    },
    async validate(request) {
      const { namespace, object, old, kind } = request;
      const quotas = [...lookup.list(resourceQuotas, namespace)];
      if (quotas.length === 0 || !object) return;
      const delta = growth(usageOf(kind.group, kind.plural, object), old && usageOf(kind.group, kind.plural, old));
      const scoped = quotas.filter((quota) => inScope(quota, kind.plural, object));
      if (kind.plural === 'pods' && request.operation === 'CREATE') {
        for (const quota of scoped) checkSpecified(request, quota, object);
      }
      const concerned = scoped.filter((quota) => Object.keys(delta).some((name) => name in (quota.spec?.hard ?? {})));
      if (concerned.length === 0) return;
      await ledger.exclusively(namespace, async () => {
        const all = await ledger.used(namespace, concerned);
        for (const quota of concerned) checkRoom({ request, quota, delta, used: all.get(quota) ?? {} });
        if (request.dryRun) return;
        const expires = clock.now() + reservationMs;
        ledger.reserve({ namespace, group: kind.group, plural: kind.plural, object, delta, expires });
        await ledger.record(namespace);
      });
    },
  };
}

/** What `now` uses more than `before`; what grows less than nothing is never refused. */
function growth(now: Usage, before: Usage | undefined): Usage {
  const grown: Usage = {};
  for (const [name, amount] of Object.entries(now)) {
    const more = subtractQuantities(amount, before?.[name] ?? '0');
    if (compareQuantities(more, '0') > 0) grown[name] = more;
  }
  return grown;
}

function checkSpecified(request: AdmissionRequest, quota: ResourceQuota, pod: Pod): void {
  const missing = unspecified(quota, pod);
  if (missing.length === 0) return;
  throw refusal(request, `failed quota: ${quota.metadata.name ?? ''}: must specify ${missing.join('; ')}`);
}

function checkRoom(options: { request: AdmissionRequest; quota: ResourceQuota; delta: Usage; used: Usage }): void {
  const { request, quota, delta, used } = options;
  const hard = quota.spec?.hard ?? {};
  const over = Object.keys(delta)
    .filter((name) => {
      const limit = hard[name];
      if (limit === undefined) return false;
      const left = subtractQuantities(limit, used[name] ?? '0');
      return compareQuantities(delta[name] ?? '0', left) > 0;
    })
    .sort();
  if (over.length === 0) return;
  const list = (amounts: Usage): string => over.map((name) => `${name}=${amounts[name] ?? '0'}`).join(',');
  const text = `exceeded quota: ${quota.metadata.name ?? ''}, requested: ${list(delta)}, used: ${list(used)}, limited: ${list(hard)}`;
  throw refusal(request, text);
}
