import type { Destination, DnsObservation, StepResult, TraceFacts, TracePlan, TraceProblem } from './facts.ts';
import { editDistance } from './edit-distance.ts';
import { titleOf } from './facts.ts';
import { isHeadless } from './plan.ts';

/** What the name leads to, as the source's own resolver says, and what is near where it leads nowhere. */
export function nameStep(
  name: string,
  plan: TracePlan,
  facts: TraceFacts,
  { dns, denied }: { dns: DnsObservation | undefined; denied: TraceProblem | undefined },
): StepResult {
  const { destination } = plan;
  const missing = destination.kind === 'name' ? missingService(destination, facts) : undefined;
  if (!dns) {
    const status = denied || missing ? 'failed' : 'unknown';
    const problems = [denied, missing].filter((problem) => problem !== undefined);
    return { step: { title: 'Name', status, lines: [`${name}: not asked`] }, problems };
  }
  const lines = dns.asked.map(({ name: asked, reply }) => {
    const answers = (reply?.answers ?? []).map(({ type, data }) => `${type} ${data}`);
    return `${asked}: ${answers.length > 0 ? answers.join(', ') : answerText(reply?.rcode)}`;
  });
  lines.unshift(`asked ${dns.server}`);
  const last = dns.asked.at(-1)?.reply;
  const isFound = (last?.answers ?? []).some(({ type }) => type === 'A' || type === 'AAAA');
  if (isFound) return { step: { title: 'Name', status: 'ok', lines }, problems: [] };
  return {
    step: { title: 'Name', status: 'failed', lines },
    problems: isEmptyHeadless(plan) && last ? [] : [denied ?? reasonOf(name, plan, dns, { ...facts, missing })],
  };
}

/** Without an endpoint there is no name: what is wrong with the endpoints says it. */
function isEmptyHeadless({ destination, targets }: TracePlan): boolean {
  return destination.kind === 'service' && isHeadless(destination.service) && targets.length === 0;
}

function answerText(rcode: string | undefined): string {
  if (rcode === undefined) return 'no answer';
  if (rcode === 'NXDOMAIN') return 'no such name (NXDOMAIN)';
  return rcode === 'NOERROR' ? 'nothing of this type' : rcode;
}

function reasonOf(
  name: string,
  { destination, source }: TracePlan,
  dns: DnsObservation,
  {
    missing,
    services,
    namespaces,
    domain,
  }: Pick<TraceFacts, 'services' | 'namespaces' | 'domain'> & { missing: TraceProblem | undefined },
): TraceProblem {
  const last = dns.asked.at(-1)?.reply;
  if (!last) {
    return {
      what: `the DNS server ${dns.server} does not answer`,
      fix: 'Is the cluster up? `timonel status` shows it.',
    };
  }
  if (missing) return missing;
  if (destination.kind === 'service') {
    const policy = source.kind === 'pod' ? (source.pod.spec?.dnsPolicy ?? 'ClusterFirst') : undefined;
    const hostNetwork = source.kind === 'pod' && source.pod.spec?.hostNetwork === true;
    if (policy === 'Default' || policy === 'None' || (hostNetwork && policy === 'ClusterFirst')) {
      const wanted = hostNetwork ? 'ClusterFirstWithHostNet' : 'ClusterFirst';
      return {
        what: `the pod does not ask the cluster's DNS: its dnsPolicy is ${policy}${hostNetwork ? ' in the host network' : ''}`,
        fix: `Set dnsPolicy: ${wanted}`,
      };
    }
    if (destination.service.spec?.type === 'ExternalName') {
      const target = destination.service.spec.externalName ?? '';
      const [service, namespace] = target.split('.');
      const isMeant = services.some(({ metadata }) => metadata.name === service && metadata.namespace === namespace);
      return {
        what: `service ${titleOf(destination.service)} is an alias of ${target}, which leads nowhere`,
        fix: isMeant
          ? `Aliases are whole names: is ${service}.${namespace}.svc.${domain} meant?`
          : 'Correct spec.externalName.',
      };
    }
  }
  if (last.rcode === 'SERVFAIL') {
    return {
      what: `nobody outside the cluster answers for ${name}`,
      fix: "The cluster asks the machine's resolvers, or those of ConfigMap kube-system/kube-dns.",
    };
  }
  const wanted = destination.kind === 'name' ? destination.wanted : undefined;
  const alike = wanted && nearest(wanted.namespace, namespaces);
  const fix =
    wanted &&
    `If a service is meant: there is no namespace ${wanted.namespace}${alike === undefined ? '.' : `; is ${alike} meant?`}`;
  return { what: `there is no name ${name}`, ...(fix !== undefined && { fix }) };
}

/** The service that a name would be of is not there: what may be meant. */
function missingService(
  { wanted, name }: Extract<Destination, { kind: 'name' }>,
  { services, pods, namespaces, domain }: TraceFacts,
): TraceProblem | undefined {
  if (!wanted) return undefined;
  const isClusterName = !name.includes('.') || name.endsWith(domain) || name.split('.').at(2) === 'svc';
  const hasNamespace = namespaces.some(({ metadata }) => metadata.name === wanted.namespace);
  // `example.com` is a service of namespace com, or the outside's.
  if (!isClusterName && !hasNamespace) return undefined;
  const what = `there is no service ${wanted.name} in namespace ${wanted.namespace}`;
  if (!hasNamespace) {
    const alike = nearest(wanted.namespace, namespaces);
    const also = alike === undefined ? '' : ` Is ${alike} meant?`;
    return { what, fix: `There is no namespace ${wanted.namespace} either.${also}` };
  }
  const elsewhere = services.find(({ metadata }) => metadata.name === wanted.name);
  if (elsewhere) {
    const { namespace } = elsewhere.metadata;
    return { what, fix: `It is in namespace ${namespace}: use ${wanted.name}.${namespace}` };
  }
  const own = pods.filter(({ metadata }) => metadata.namespace === wanted.namespace);
  const exact = own.find(({ metadata }) => metadata.name === wanted.name);
  const names = services.filter(({ metadata }) => metadata.namespace === wanted.namespace);
  const alike = nearest(wanted.name, names);
  if (alike !== undefined && !exact) return { what, fix: `Is ${alike} meant?` };
  const pod = exact ?? own.find(({ metadata }) => metadata.name?.startsWith(`${wanted.name}-`));
  if (pod) {
    const fix = `Pods have no names in the DNS, services do. Make one: kubectl expose ${exposable(pod)} --port=PORT`;
    return { what, fix };
  }
  return { what, fix: `Its services: kubectl get services -n ${wanted.namespace}` };
}

/** The name that is a slip of the finger or two away; of several the one that begins alike. */
function nearest(wanted: string, objects: readonly { metadata: { name?: string } }[]): string | undefined {
  const [alike] = objects
    .map(({ metadata: { name = '' } }) => ({
      ...{ name, distance: editDistance(name, wanted) },
      isBegun: wanted.startsWith(name) || name.startsWith(wanted),
    }))
    .filter(({ distance, isBegun, name }) => distance <= 2 && (isBegun || distance < name.length / 2))
    .sort((a, b) => a.distance - b.distance || Number(b.isBegun) - Number(a.isBegun));
  return alike?.name;
}

function exposable({ metadata }: TraceFacts['pods'][number]): string {
  const owner = metadata.ownerReferences?.[0];
  if (!owner) return `pod ${metadata.name} -n ${metadata.namespace}`;
  const isDeployment = owner.kind === 'ReplicaSet';
  const name = isDeployment ? owner.name.replace(/-[^-]+$/, '') : owner.name;
  return `${isDeployment ? 'deployment' : owner.kind.toLowerCase()} ${name} -n ${metadata.namespace}`;
}
