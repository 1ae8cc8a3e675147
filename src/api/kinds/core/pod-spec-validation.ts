import { dnsLabel, dnsSubdomain, dnsSubdomainWithUnderscores, fieldIp, qualifiedName } from '../../names.ts';
import type { PodSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validateAffinity } from './affinity-validation.ts';
import { validateEnvFiles } from './env-validation.ts';
import { validateContainers } from './container-validation.ts';
import { validateResourceList, validateResources } from './resources-validation.ts';
import { validatePodSecurityContext } from './security-validation.ts';
import { validateTolerations } from './toleration-validation.ts';
import { validateTopologySpread } from './topology-validation.ts';
import { validateVolumes } from './volume-validation.ts';

const restartPolicies = ['Always', 'Never', 'OnFailure'];
const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
const longestDeadline = 2_147_483_647;

/** Rules of a pod's spec, in a pod or a template; adds to `causes`. */
export function validatePodSpec(causes: StatusCause[], spec: PodSpec, path: string): void {
  const volumes = validateVolumes(causes, spec.volumes, `${path}.volumes`);
  validateContainers(causes, spec, { path, volumes });
  validateEnvFiles(causes, spec, path);
  const { restartPolicy = '', dnsPolicy = '' } = spec;
  if (restartPolicy === '') causes.push(required(`${path}.restartPolicy`, ''));
  else if (!restartPolicies.includes(restartPolicy)) {
    causes.push(notSupported(`${path}.restartPolicy`, restartPolicy, restartPolicies));
  }
  if (dnsPolicy === '') causes.push(required(`${path}.dnsPolicy`, ''));
  else if (!dnsPolicies.includes(dnsPolicy)) causes.push(notSupported(`${path}.dnsPolicy`, dnsPolicy, dnsPolicies));
  if (spec.securityContext) validatePodSecurityContext(causes, spec, path);
  if (spec.affinity) validateAffinity(causes, spec.affinity, `${path}.affinity`);
  if (spec.tolerations) validateTolerations(causes, spec.tolerations, `${path}.tolerations`);
  if (spec.topologySpreadConstraints) {
    validateTopologySpread(causes, spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`);
  }
  validateTimes(causes, spec, path);
  validateNames(causes, spec, path);
  if (spec.hostAliases) validateHostAliases(causes, spec.hostAliases, `${path}.hostAliases`);
  if (spec.dnsConfig || dnsPolicy === 'None') validateDnsConfig(causes, spec, path);
  if (spec.overhead) validateResourceList(causes, spec.overhead, `${path}.overhead`);
  if (spec.resources) validateResources(causes, spec.resources, `${path}.resources`);
  validateGates(causes, spec, path);
}

function validateTimes(causes: StatusCause[], spec: PodSpec, path: string): void {
  const { activeDeadlineSeconds: deadline, preemptionPolicy } = spec;
  if (deadline !== undefined && (deadline < 1 || deadline > longestDeadline)) {
    const rule = `must be between 1 and ${longestDeadline}, inclusive`;
    causes.push(invalidValue(`${path}.activeDeadlineSeconds`, deadline, rule));
  }
  if (preemptionPolicy !== undefined && preemptionPolicy !== 'Never' && preemptionPolicy !== 'PreemptLowerPriority') {
    const supported = ['Never', 'PreemptLowerPriority'];
    causes.push(notSupported(`${path}.preemptionPolicy`, preemptionPolicy, supported));
  }
  if (spec.hostPID && spec.shareProcessNamespace) {
    const rule = 'ShareProcessNamespace and HostPID cannot both be enabled';
    causes.push(invalidValue(`${path}.shareProcessNamespace`, true, rule));
  }
}

function validateNames(causes: StatusCause[], spec: PodSpec, path: string): void {
  for (const field of ['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName'] as const) {
    const name = spec[field];
    if (!name) continue;
    for (const text of dnsSubdomain(name)) causes.push(invalidValue(`${path}.${field}`, name, text));
  }
  for (const field of ['hostname', 'subdomain'] as const) {
    const name = spec[field];
    if (!name) continue;
    for (const text of dnsLabel(name)) causes.push(invalidValue(`${path}.${field}`, name, text));
  }
  for (const key in spec.nodeSelector) {
    for (const text of qualifiedName(key)) causes.push(invalidValue(`${path}.nodeSelector`, key, text));
  }
  spec.imagePullSecrets?.forEach(({ name }, index) => {
    if (!name) causes.push(required(`${path}.imagePullSecrets[${index}].name`, ''));
  });
  if (spec.os && spec.os.name !== 'linux' && spec.os.name !== 'windows') {
    causes.push(notSupported(`${path}.os.name`, spec.os.name, ['linux', 'windows']));
  }
}

function validateHostAliases(causes: StatusCause[], aliases: NonNullable<PodSpec['hostAliases']>, path: string): void {
  aliases.forEach(({ ip: address, hostnames }, index) => {
    for (const text of fieldIp(address)) causes.push(invalidValue(`${path}[${index}].ip`, address, text));
    hostnames?.forEach((name, at) => {
      for (const text of dnsSubdomain(name)) {
        causes.push(invalidValue(`${path}[${index}].hostnames[${at}]`, name, text));
      }
    });
  });
}

const mostNameservers = 3;
const mostSearches = 32;

function validateDnsConfig(causes: StatusCause[], { dnsPolicy, dnsConfig }: PodSpec, path: string): void {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const config = `${path}.dnsConfig`;
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    const rule = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    causes.push(required(dnsConfig ? `${config}.nameservers` : config, rule));
  }
  if (nameservers.length > mostNameservers) {
    const rule = `must not have more than ${mostNameservers} nameservers`;
    causes.push(invalidValue(`${config}.nameservers`, nameservers, rule));
  }
  nameservers.forEach((address, index) => {
    for (const text of fieldIp(address)) causes.push(invalidValue(`${config}.nameservers[${index}]`, address, text));
  });
  if (searches.length > mostSearches) {
    causes.push(invalidValue(`${config}.searches`, searches, `must not have more than ${mostSearches} search paths`));
  }
  searches.forEach((search, index) => {
    if (search === '.') return;
    for (const text of dnsSubdomainWithUnderscores(search.replace(/\.$/, '')))
      causes.push(invalidValue(`${config}.searches[${index}]`, search, text));
  });
  options.forEach(({ name }, index) => {
    if (!name) causes.push(required(`${config}.options[${index}]`, 'must not be empty'));
  });
}

function validateGates(causes: StatusCause[], spec: PodSpec, path: string): void {
  spec.readinessGates?.forEach(({ conditionType }, index) => {
    const at = `${path}.readinessGates[${index}].conditionType`;
    for (const text of qualifiedName(conditionType)) causes.push(invalidValue(at, conditionType, text));
  });
  const seen = new Set<string>();
  spec.schedulingGates?.forEach(({ name }, index) => {
    const at = `${path}.schedulingGates[${index}]`;
    for (const text of qualifiedName(name)) causes.push(invalidValue(at, name, text));
    if (seen.has(name)) causes.push(duplicate(at, name));
    seen.add(name);
  });
  const claims = new Set<string>();
  spec.resourceClaims?.forEach(({ name, resourceClaimName, resourceClaimTemplateName }, index) => {
    const at = `${path}.resourceClaims[${index}]`;
    for (const text of dnsLabel(name)) causes.push(invalidValue(`${at}.name`, name, text));
    if (claims.has(name)) causes.push(duplicate(`${at}.name`, name));
    claims.add(name);
    if ((resourceClaimName === undefined) === (resourceClaimTemplateName === undefined)) {
      const rule = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
      causes.push(invalidValue(at, spec.resourceClaims![index], rule));
    }
  });
}
