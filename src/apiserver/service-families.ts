import { invalidValue } from '../api/field-errors.ts';
import { invalid } from '../api/status.ts';
import type { Service, ServiceSpec } from '../api/types/core-v1.ts';
import type { StatusCause } from '../api/types/meta-v1.ts';
import { familyOf, type IpFamily } from '../base/ip-address.ts';

/**
 * Settles `ipFamilies` and `ipFamilyPolicy` in place, from what the user said, what the service had, and the families
 * that the cluster has (KEP-563). Throws Invalid for what the cluster cannot give.
 */
export function resolveFamilies(
  { metadata, spec }: Service,
  old: Service | undefined,
  cluster: readonly IpFamily[],
): void {
  if (!spec) return;
  const isHeadless = spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None';
  const families = chosenFamilies(spec, old?.spec, cluster);
  const hasSelector = Object.keys(spec.selector ?? {}).length > 0;
  if (isHeadless && !hasSelector) {
    // Endpoints are the user's own affair here: any family may come.
    spec.ipFamilyPolicy ??= old?.spec?.ipFamilyPolicy ?? 'RequireDualStack';
    spec.ipFamilies = spec.ipFamilyPolicy === 'SingleStack' ? families.slice(0, 1) : bothFrom(families);
    return;
  }
  const policy = spec.ipFamilyPolicy ?? old?.spec?.ipFamilyPolicy;
  spec.ipFamilyPolicy = policy ?? (families.length > 1 ? 'RequireDualStack' : 'SingleStack');
  const causes = problems(spec.ipFamilyPolicy, families, cluster);
  if (causes.length > 0) throw invalid('', 'Service', metadata.name ?? '', causes);
  const wanted = spec.ipFamilyPolicy === 'SingleStack' ? families.slice(0, 1) : bothFrom(families);
  spec.ipFamilies = wanted.filter((family) => cluster.includes(family));
  if (!isHeadless && spec.clusterIPs) spec.clusterIPs = spec.clusterIPs.slice(0, spec.ipFamilies.length);
}

/** What the user said, else what given addresses say, else what it had, else the cluster's default. */
function chosenFamilies(spec: ServiceSpec, old: ServiceSpec | undefined, cluster: readonly IpFamily[]): IpFamily[] {
  if (spec.ipFamilies?.length) return spec.ipFamilies as IpFamily[];
  const addresses = (spec.clusterIPs ?? []).filter((address) => address !== '' && address !== 'None');
  if (addresses.length > 0) return addresses.map(familyOf);
  if (spec.clusterIP && spec.clusterIP !== 'None') return [familyOf(spec.clusterIP)];
  if (old?.ipFamilies?.length) return old.ipFamilies as IpFamily[];
  return cluster.slice(0, 1);
}

function bothFrom(families: readonly IpFamily[]): IpFamily[] {
  if (families.length !== 1) return [...families];
  return families[0] === 'IPv4' ? ['IPv4', 'IPv6'] : ['IPv6', 'IPv4'];
}

function problems(policy: string, families: readonly IpFamily[], cluster: readonly IpFamily[]): StatusCause[] {
  const causes: StatusCause[] = [];
  if (policy === 'SingleStack' && families.length > 1) {
    const reason = 'may only hold up to 1 value when ipFamilyPolicy is SingleStack';
    causes.push(invalidValue('spec.ipFamilies', families, reason));
  }
  if (policy === 'RequireDualStack' && cluster.length < 2) {
    const reason = 'this cluster is not configured for dual-stack services';
    causes.push(invalidValue('spec.ipFamilyPolicy', policy, reason));
  }
  families.forEach((family, i) => {
    if (cluster.includes(family) || (i > 0 && policy === 'PreferDualStack')) return;
    causes.push(invalidValue(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  return causes;
}
