import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, Service, ServiceSpec } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { NetworkPolicy, NetworkPolicySpec } from '../../api/types/networking-v1.ts';
import { findSource, splitPort } from './ends.ts';
import type { Attempt, Listener, Observations, Protocol, Trace, TraceFacts } from './facts.ts';
import { planTrace } from './plan.ts';
import { findWay } from './published.ts';
import { renderTrace } from './render-trace.ts';
import { explainTrace } from './trace.ts';

interface PodOptions {
  namespace?: string;
  app: string;
  ip?: string;
  isReady?: boolean;
  spec?: Partial<PodSpec>;
  status?: Pod['status'];
}

function pod(name: string, { namespace = 'default', app, ip, isReady = true, spec, status }: PodOptions): Pod {
  return {
    metadata: { name, namespace, uid: name, labels: { app } },
    spec: { nodeName: 'dev-1', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 5000 }] }], ...spec },
    status: {
      phase: 'Running',
      ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }] }),
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      ...status,
    },
  };
}

function service(name: string, spec: ServiceSpec, namespace = 'default'): Service {
  const clusterIP = '10.96.0.20';
  return { metadata: { name, namespace }, spec: { clusterIP, clusterIPs: [spec.clusterIP ?? clusterIP], ...spec } };
}

function slice(owner: string, ips: readonly string[], port = 5000, namespace = 'default'): EndpointSlice {
  return {
    metadata: { name: `${owner}-x`, namespace, labels: { 'kubernetes.io/service-name': owner } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: ips.map((ip, i) => ({
      addresses: [ip],
      conditions: { ready: true },
      nodeName: 'dev-1',
      targetRef: { kind: 'Pod', name: `web-${i}` },
    })),
  };
}

function policy(name: string, spec: NetworkPolicySpec, namespace = 'default'): NetworkPolicy {
  return { metadata: { name, namespace }, spec };
}

const http = [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }];
const web = service('web', { selector: { app: 'web' }, ports: http });
const client = pod('client', { app: 'client', ip: '10.244.1.2' });
const webPods = [pod('web-0', { app: 'web', ip: '10.244.1.3' }), pod('web-1', { app: 'web', ip: '10.244.1.4' })];

function factsOf(changes: Partial<TraceFacts> = {}): TraceFacts {
  return {
    domain: 'cluster.local',
    pods: [client, ...webPods],
    services: [web],
    slices: [slice('web', ['10.244.1.3', '10.244.1.4'])],
    policies: [],
    namespaces: ['default', 'shop'].map((name) => ({ metadata: { name, labels: {} } })),
    ...changes,
  };
}

interface Seen {
  outcome?: Attempt['outcome'];
  listeners?: readonly Listener[];
  dns?: 'NXDOMAIN' | 'SERVFAIL' | 'silent';
}

const listening: Listener = { protocol: 'tcp', address: '*', port: 5000, process: 'httpd' };

/** Traces with a world that behaves as told: every attempt ends alike, and all pods have the same listeners. */
function trace(from: string, to: string, facts: TraceFacts, seen: Seen & { protocol?: Protocol } = {}): Trace {
  const source = findSource(from, facts, { namespace: 'default', hostIp: '10.89.0.1' });
  const { host, port: typedPort } = splitPort(to);
  const { destination, entry, port } = findWay({ host, port: typedPort }, source, facts, 'default');
  const plan = planTrace({ source, destination, port, protocol: seen.protocol, entry }, facts);
  const { outcome = 'connected', listeners = [listening], dns } = seen;
  const ends = plan.targets.map((target) => ({ ip: target.ip, port: target.port }));
  if (entry) ends.unshift(entry);
  if (plan.serviceIp !== undefined && plan.port !== undefined) ends.unshift({ ip: plan.serviceIp, port: plan.port });
  const answers = [{ name: host, ttl: 5, type: 'A', data: '10.96.0.20' }];
  const reply = dns === 'silent' ? undefined : { rcode: dns ?? 'NOERROR', answers: dns === undefined ? answers : [] };
  const observed: Observations = {
    attempts: ends.map((end) => ({ ...end, outcome, tookMs: 1 })),
    listeners: new Map(facts.pods.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, listeners])),
    routes: [{ where: 'pod to 10.244.1.3 (dev-1)', route: 'dev eth0' }],
    dns: { server: '10.96.0.10', asked: [{ name: `${host}.default.svc.cluster.local`, reply }] },
  };
  return explainTrace({ facts, plan, seen: observed, askedPort: port, dnsAddresses: ['10.96.0.10'] });
}

/** What is wrong, and what to do: the verdict of a trace in one text. */
function verdict(result: Trace): string {
  return [String(result.works), ...result.problems.map(({ what, fix = '' }) => `${what} | ${fix}`)].join('\n');
}

const refused: Seen = { outcome: 'refused' };
const dropped: Seen = { outcome: 'timedOut' };

describe('a trace', () => {
  it('tells a student step by step what a connection meets', () => {
    expect(`${renderTrace(trace('client', 'web', factsOf()))}\n`).toMatchInlineSnapshot(`
      "default/client → service default/web:80

      ✓ From        pod default/client, Running, 10.244.1.2 on dev-1
      ✓ Name        asked 10.96.0.10
                    web.default.svc.cluster.local: A 10.96.0.20
      ✓ Service     default/web, ClusterIP, 10.96.0.20
                    ports: 80/tcp (http) → http
      ✓ Endpoints   selector app=web
                    10.244.1.3:5000  50 %  default/web-0 on dev-1
                    10.244.1.4:5000  50 %  default/web-1 on dev-1
                    chosen in turn
      ✓ Policies    out of default/client: allowed, no policy selects it for egress
                    into default/web-0: allowed, no policy selects it for ingress
                    into default/web-1: allowed, no policy selects it for ingress
      ✓ Route       pod to 10.244.1.3 (dev-1): dev eth0
      ✓ Process     default/web-0: httpd listens on *:5000/tcp
                    default/web-1: httpd listens on *:5000/tcp
      ✓ Connection  10.96.0.20:80 (the service): connected, 1.0 ms
                    10.244.1.3:5000 (pod default/web-0): connected, 1.0 ms
                    10.244.1.4:5000 (pod default/web-1): connected, 1.0 ms

      It works.
      "
    `);
  });

  it('names the shares of weighted endpoints', () => {
    const annotations = {
      'timonel.dev/load-balancing': 'weighted',
      'timonel.dev/weights': 'web-0:9,web-1:1',
    };
    const weighted = { ...web, metadata: { ...web.metadata, annotations } };
    const { steps } = trace('host', 'web', factsOf({ services: [weighted] }));
    expect(steps.find(({ title }) => title === 'Endpoints')?.lines.slice(1)).toEqual([
      '10.244.1.3:5000  90 %  default/web-0 on dev-1',
      '10.244.1.4:5000  10 %  default/web-1 on dev-1',
      'chosen in turn, by weight',
    ]);
  });

  it('finds a selector that matches nothing, and the labels that are meant', () => {
    const typo = service('web', { selector: { app: 'wbe' }, ports: http });
    expect(verdict(trace('client', 'web', factsOf({ services: [typo], slices: [] }), refused))).toMatch(
      /^false\nno pod in namespace default has the labels .*\(app=wbe\) \| Pod web-0 has app=web/,
    );
    const elsewhere = [client, pod('web-0', { app: 'web', namespace: 'shop', ip: '10.244.1.3' })];
    expect(verdict(trace('client', 'web', factsOf({ pods: elsewhere, slices: [] }), refused))).toContain(
      'Pods with these labels are in namespace shop',
    );
  });

  it('says what labels there are where none is near, and nothing of unlike ones', () => {
    const other = service('db', { selector: { app: 'database' }, ports: http });
    expect(verdict(trace('client', 'db', factsOf({ services: [other], slices: [] }), refused))).toContain(
      'Its pods have app=client, app=web: kubectl get pods -n default --show-labels',
    );
  });

  it('finds endpoint slices whose port is called otherwise than the service’s', () => {
    const own = service('web', { ports: [{ name: 'metrics', port: 80, protocol: 'TCP' }] });
    expect(verdict(trace('client', 'web', factsOf({ services: [own] }), refused))).toContain(
      'port 80 of service default/web is called metrics/tcp, and its endpoint slices have http/tcp |',
    );
  });

  it('says when a service is not for the nodes’ rules', () => {
    const labels = { 'service.kubernetes.io/service-proxy-name': 'mesh' };
    const marked = { ...web, metadata: { ...web.metadata, labels } };
    expect(verdict(trace('client', 'web', factsOf({ services: [marked] }), refused))).toContain(
      'service default/web has the label service.kubernetes.io/service-proxy-name: the nodes leave it',
    );
  });

  it('shows pods that are used though they are not ready, and no others of the kind', () => {
    const leaving = pod('web-0', { app: 'web', ip: '10.244.1.3', isReady: false });
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const terminating = slice('web', ['10.244.1.3']);
    for (const endpoint of terminating.endpoints ?? []) {
      endpoint.conditions = { ready: false, serving: true, terminating: true };
    }
    const { steps } = trace('client', 'web', factsOf({ pods: [client, leaving], slices: [terminating] }));
    expect(steps.find(({ title }) => title === 'Endpoints')).toMatchObject({
      status: 'ok',
      lines: expect.arrayContaining(['default/web-0 is used though it is being deleted']),
    });
  });

  it('shows where a load balancer is, or who is to give it an address', () => {
    const lines = (spec: Partial<ServiceSpec>, status: Service['status']): readonly string[] => {
      const balanced = { ...web, spec: { ...web.spec, type: 'LoadBalancer', ...spec }, ...(status && { status }) };
      const { steps } = trace('client', 'web', factsOf({ services: [balanced] }));
      return steps.find(({ title }) => title === 'Service')?.lines ?? [];
    };
    expect(lines({}, { loadBalancer: { ingress: [{ ip: '10.90.0.1' }] } })).toContain('load balancer: 10.90.0.1');
    expect(lines({ loadBalancerClass: 'x.io/y' }, undefined)).toContain(
      'load balancer: none yet, that is for x.io/y to give',
    );
  });

  it('says why pods are not ready', () => {
    const probe = { httpGet: { path: '/healthz', port: 5000 } };
    const unready = pod('web-0', {
      ...{ app: 'web', ip: '10.244.1.3', isReady: false },
      spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 5000 }], readinessProbe: probe }] },
      status: { containerStatuses: [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '' }] },
    });
    expect(verdict(trace('client', 'web', factsOf({ pods: [client, unready], slices: [] }), refused))).toContain(
      'the one pod that service default/web selects is not ready: container c does not pass its readiness probe (GET :5000/healthz)',
    );
  });

  it('finds a named port that no container has', () => {
    const named = service('web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'web' }] });
    expect(verdict(trace('client', 'web', factsOf({ services: [named], slices: [] }), refused))).toContain(
      'sends to the port named web, and no container of its pods has a port of that name | They have http (5000)',
    );
  });

  it('finds a port where nothing listens, or for the pod itself only', () => {
    const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
    const services = [service('web', { selector: { app: 'web' }, ports })];
    const facts = factsOf({ services, slices: [slice('web', ['10.244.1.3'], 8080)] });
    expect(verdict(trace('client', 'web', facts, refused))).toBe(
      "false\nnothing listens on port 8080 in pod default/web-0 | It listens on 5000: set the service's targetPort to that, or the port of the program.",
    );
    const listeners = [{ ...listening, address: '127.0.0.1' }];
    expect(verdict(trace('client', 'web', factsOf(), { outcome: 'refused', listeners }))).toContain(
      'httpd in pod default/web-0 listens on 127.0.0.1:5000 only',
    );
  });

  it('finds a process that hears the other family alone', () => {
    const spec = { selector: { app: 'web' }, ports: http, ipFamilies: ['IPv6'], clusterIP: 'fd00::7' };
    const services = [service('web', spec)];
    const slices = [{ ...slice('web', ['fd00:1::3'], 5000), addressType: 'IPv6' }];
    const pods = [client, pod('web-0', { app: 'web', ip: 'fd00:1::3' })];
    const saidOf = (address: string): string =>
      verdict(
        trace('client', 'web', factsOf({ services, slices, pods }), {
          outcome: 'refused',
          listeners: [{ ...listening, address }],
        }),
      );
    expect(saidOf('0.0.0.0')).toContain(
      'httpd in pod default/web-0 listens on 0.0.0.0:5000 only, which hears IPv4 alone, and the connection comes by IPv6',
    );
    expect(saidOf('::1')).toContain('Let it listen on all addresses: [::]');
    for (const all of ['*', '::']) expect(saidOf(all)).not.toContain('httpd');
  });

  it('finds a port that the service does not have, and which is meant', () => {
    expect(verdict(trace('client', 'web:5000', factsOf(), refused))).toBe(
      'false\nservice default/web has no port 5000 | 5000 is the port of its pods; clients of the service use 80.',
    );
    expect(verdict(trace('client', 'web:443', factsOf(), refused))).toContain('It has 80/tcp (http) → http.');
    expect(verdict(trace('client', 'web', factsOf(), { protocol: 'udp' }))).toContain(
      'port 80 of service default/web is tcp, not udp',
    );
  });

  it('finds the port of a headless service that nothing translates', () => {
    const spec = { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 5000 }] };
    const facts = factsOf({ services: [service('web', spec)] });
    expect(verdict(trace('client', 'web:80', facts, refused))).toMatch(
      /headless, and nothing translates .* 80 to 5000/,
    );
    expect(trace('client', 'web:5000', facts).works).toBe(true);
  });

  it('says of the name of a headless service without endpoints why it has none, and nothing else', () => {
    const spec = { clusterIP: 'None', selector: { app: 'nix' }, ports: [{ port: 80, targetPort: 5000 }] };
    const facts = factsOf({ services: [service('web', spec)], slices: [] });
    const { works, problems } = trace('client', 'web', facts, { dns: 'NXDOMAIN' });
    expect([works, problems.length]).toEqual([false, 1]);
    expect(problems[0]?.what).toContain('no pod in namespace default has the labels');
  });

  it('finds a service of another namespace, and one that is spelt otherwise', () => {
    const facts = factsOf({ services: [service('api', { ports: http }, 'shop'), web] });
    expect(verdict(trace('client', 'api', facts, { dns: 'NXDOMAIN' }))).toContain(
      'there is no service api in namespace default | It is in namespace shop: use api.shop',
    );
    expect(verdict(trace('client', 'weeb', facts, { dns: 'NXDOMAIN' }))).toContain('Is web meant?');
    expect(verdict(trace('client', 'web-0', facts, { dns: 'NXDOMAIN' }))).toContain('kubectl expose pod web-0');
  });

  it('follows aliases, and finds one that is no whole name', () => {
    const alias = (name: string, externalName: string): Service =>
      service(name, { type: 'ExternalName', externalName });
    const services = [web, alias('near', 'web.default.svc.cluster.local'), alias('short', 'web.default')];
    const facts = factsOf({ services });
    const near = trace('client', 'near', facts);
    expect([near.to, near.works]).toEqual(['service default/web:80', true]);
    expect(near.steps.find(({ title }) => title === 'Service')?.lines[0]).toBe(
      'default/near is another name for web.default.svc.cluster.local',
    );
    expect(verdict(trace('client', 'short:80', facts, { dns: 'NXDOMAIN' }))).toBe(
      'false\nservice default/short is an alias of web.default, which leads nowhere | ' +
        'Aliases are whole names: is web.default.svc.cluster.local meant?',
    );
  });

  it('names the policy that denies, and the rule that is near', () => {
    const toWeb = { podSelector: { matchLabels: { app: 'web' } } };
    const denyAll = factsOf({ policies: [policy('deny', { podSelector: {} })] });
    expect(verdict(trace('client', 'web', denyAll, dropped))).toMatch(
      /^false\npolicy default\/deny denies what goes from default\/client into pod default\/web-0 at 5000\/tcp \(and so for 1 more\) \| No ingress rule/,
    );
    const from = [{ podSelector: { matchLabels: { app: 'client' } } }];
    const byServicePort = policy('web', { ...toWeb, ingress: [{ from, ports: [{ port: 80 }] }] });
    expect(verdict(trace('client', 'web', factsOf({ policies: [byServicePort] }), dropped))).toContain(
      "names port 80, the service's: policies see the pod's, 5000.",
    );
    const stranger = pod('client', { app: 'client', namespace: 'shop', ip: '10.244.1.9' });
    const allowing = policy('web', { ...toWeb, ingress: [{ from }] });
    const facts = factsOf({ pods: [stranger, ...webPods], policies: [allowing] });
    expect(verdict(trace('shop/client', 'web.default', facts, dropped))).toContain(
      'Ingress rule 1 of default/web means pods of its own namespace: for shop add a namespaceSelector.',
    );
    const { works, steps } = trace('client', 'web', factsOf({ policies: [allowing] }));
    expect(works).toBe(true);
    expect(steps.find(({ title }) => title === 'Policies')?.lines).toContain(
      'into default/web-0: allowed by default/web, ingress rule 1',
    );
  });

  it('finds an egress policy that lets nobody ask for names', () => {
    const policies = [policy('jail', { podSelector: { matchLabels: { app: 'client' } }, policyTypes: ['Egress'] })];
    const result = verdict(trace('client', 'web', factsOf({ policies }), { ...dropped, dns: 'silent' }));
    expect(result).toContain('policy default/jail does not let pod default/client ask the DNS');
    expect(result).toContain('denies what goes to default/web-0 out of pod default/client');
  });

  it('says when the pod does not ask the cluster for names', () => {
    const old = pod('old', { app: 'old', ip: '10.244.1.8', spec: { dnsPolicy: 'Default' } });
    const result = trace('old', 'web', factsOf({ pods: [old, ...webPods] }), { dns: 'NXDOMAIN' });
    expect(verdict(result)).toContain("false\nthe pod does not ask the cluster's DNS: its dnsPolicy is Default");
  });

  it('says when the source itself does not run', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/2 nodes are available' }];
    const pending = pod('new', { app: 'x', status: { phase: 'Pending', conditions } });
    expect(verdict(trace('new', 'web', factsOf({ pods: [pending, ...webPods] })))).toContain(
      'pod default/new does not run: no node takes it: 0/2 nodes are available',
    );
  });

  it('takes the ports that services have on the host and on nodes', () => {
    const ports = [{ ...http[0], port: 80, nodePort: 30080 }];
    const annotations = { 'timonel.dev/host-ports': '18080:80' };
    const published = service('web', { type: 'NodePort', selector: { app: 'web' }, ports });
    const facts = factsOf({ services: [{ ...published, metadata: { ...published.metadata, annotations } }] });
    for (const [to, how] of [
      ['localhost:18080', '127.0.0.1:18080 is published on the host'],
      ['10.89.0.2:30080', '10.89.0.2:30080 is its port on the nodes'],
    ] as const) {
      const { to: found, works, steps } = trace('host', to, facts);
      expect([found, works]).toEqual(['service default/web:80', true]);
      expect(steps.find(({ title }) => title === 'Service')?.lines).toContain(how);
    }
    expect(verdict(trace('host', 'localhost:8080', facts, refused))).toBe(
      'false\nno service is published at port 8080 of the host | Published are 18080 (default/web), 30080 (default/web).',
    );
    const listeners = [{ ...listening, address: '127.0.0.1' }];
    expect(trace('web-0', 'localhost:5000', facts, { listeners })).toMatchObject({
      ...{ to: 'pod default/web-0:5000', works: true, problems: [] },
    });
  });

  it('finds a client that source ranges leave out, and lets in who comes by another address', () => {
    const spec: ServiceSpec = { type: 'LoadBalancer', selector: { app: 'web' }, ports: http };
    const balanced: Service = {
      ...service('web', { ...spec, externalIPs: ['203.0.113.7'], loadBalancerSourceRanges: ['198.51.100.0/24'] }),
      status: { loadBalancer: { ingress: [{ ip: '10.90.0.1' }] } },
    };
    const facts = factsOf({ services: [balanced] });
    for (const [from, address] of [
      ['client', '10.244.1.2'],
      ['host', '10.89.0.1'],
    ] as const) {
      const text = verdict(trace(from, '10.90.0.1:80', facts, dropped));
      expect(text).toContain(
        `false\nservice default/web takes connections to 10.90.0.1 from 198.51.100.0/24 alone (loadBalancerSourceRanges), and this one comes from ${address}`,
      );
    }
    expect(verdict(trace('host', '203.0.113.7:80', facts))).toBe('true');
    expect(verdict(trace('host', '127.0.0.1:80', facts, dropped))).toMatch(
      /alone .* this one comes from 127\.0\.0\.1 \|/,
    );
    const open = { ...balanced, spec: { ...balanced.spec, loadBalancerSourceRanges: ['10.88.0.0/15'] } };
    expect(verdict(trace('host', '10.90.0.1:80', factsOf({ services: [open] })))).toBe('true');
  });

  it('finds a node without a pod of a service that keeps connections where they come in', () => {
    const local = service('web', {
      ...{ type: 'NodePort', selector: { app: 'web' }, externalTrafficPolicy: 'Local' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', nodePort: 30_080 }],
    });
    const placed = webPods.map((each) => ({ ...each, status: { ...each.status, hostIP: '10.89.0.2' } }));
    const guest = pod('guest', { app: 'client', ip: '10.89.0.3', spec: { hostNetwork: true } });
    const elsewhere = { ...guest, status: { ...guest.status, hostIP: '10.89.0.3' } };
    const facts = factsOf({ services: [local], pods: [client, elsewhere, ...placed] });
    const said = 'keeps connections on the node where they come in (externalTrafficPolicy Local), and 10.89.0.4 has no';
    expect(verdict(trace('host', '10.89.0.4:30080', facts, dropped))).toContain(said);
    expect(verdict(trace('guest', '10.89.0.4:30080', facts, dropped))).toContain(said);
    const moved = { ...client, status: { ...client.status, hostIP: '10.89.0.3' } };
    const away = { ...facts, pods: [moved, ...placed] };
    expect(verdict(trace('client', '10.89.0.4:30080', away, dropped))).toContain(said);
    // The node's own pods and processes are inside; and one node has pods of it.
    expect(verdict(trace('client', '10.89.0.3:30080', away))).toBe('true');
    expect(verdict(trace('guest', '10.89.0.3:30080', facts))).toBe('true');
    expect(verdict(trace('host', '10.89.0.2:30080', facts))).toBe('true');
  });

  it('finds nodes that are down, before the cluster knows it and after', () => {
    const facts = factsOf();
    const dead = planTrace(
      {
        source: findSource('client', facts, { namespace: 'default', hostIp: undefined }),
        ...{ destination: { kind: 'pod', pod: webPods[0] as Pod }, port: '5000', protocol: undefined },
      },
      facts,
    );
    const attempts = [{ ip: '10.244.1.3', port: 5000, outcome: 'timedOut', tookMs: 1 } as const];
    const seen = { attempts, listeners: new Map(), routes: [] };
    expect(verdict(explainTrace({ facts, plan: dead, seen, askedPort: '5000', dnsAddresses: [] }))).toBe(
      'false\npod default/web-0 has no process on its node dev-1, though the API says that it runs | ' +
        'Is the node up? `timonel node list` shows it; the cluster knows of one that fell silent after 40 seconds.',
    );
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({
      ...{ type, status: type === 'Ready' ? 'False' : 'True' },
    }));
    const containerStatuses = [{ name: 'c', ready: true, restartCount: 0, image: '', imageID: '' }];
    const silent = pod('web-0', { app: 'web', ip: '10.244.1.3', status: { conditions, containerStatuses } });
    const later = factsOf({ pods: [client, silent], slices: [slice('web', [])] });
    expect(verdict(trace('client', 'web', later, refused))).toContain(
      'the one pod that service default/web selects is not ready: its node dev-1 does not report',
    );
    const why = { type: 'DisruptionTarget', status: 'True', message: 'deleting due to NoExecute taint' };
    const leaving = pod('web-0', { app: 'web', ip: '10.244.1.3', isReady: false, status: { conditions: [why] } });
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const last = factsOf({ pods: [client, leaving], slices: [slice('web', [])] });
    expect(verdict(trace('client', 'web', last, refused))).toContain(
      'is not ready: it is being deleted (deleting due to NoExecute taint)',
    );
  });

  it('knows slips of the finger in services and namespaces, and clients that come back', () => {
    const facts = factsOf({ services: [service('ok', { ports: http }), service('away', { ports: http })] });
    expect(verdict(trace('client', 'okay', facts, { dns: 'NXDOMAIN' }))).toContain('Is ok meant?');
    expect(verdict(trace('client', 'ok.defualt', facts, { dns: 'NXDOMAIN' }))).toContain('is default meant?');
    const full = verdict(trace('client', 'ok.shpo.svc.cluster.local', facts, { dns: 'NXDOMAIN' }));
    expect(full).toContain('There is no namespace shpo either. Is shop meant?');
    const sticky = service('web', { selector: { app: 'web' }, ports: http, sessionAffinity: 'ClientIP' });
    expect(renderTrace(trace('client', 'web', factsOf({ services: [sticky] })))).toContain(
      'chosen once for each client, which comes back to it for 10800 s after its last connection',
    );
  });

  it('takes services by address, pods, and addresses of nobody', () => {
    expect(trace('host', '10.96.0.20:80', factsOf()).to).toBe('service default/web:80');
    expect(trace('client', 'pod/web-1', factsOf()).to).toBe('pod default/web-1:5000');
    expect(trace('client', '10.244.1.4:5000', factsOf()).to).toBe('pod default/web-1:5000');
    expect(verdict(trace('client', '192.0.2.1:80', factsOf(), dropped))).toBe(
      'false\n192.0.2.1:80 does not answer | Is that address up?',
    );
    expect(() => trace('nobody', 'web', factsOf())).toThrow('there is no pod nobody in namespace default');
  });
});
