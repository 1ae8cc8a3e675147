import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../api/types/core-v1.ts';
import { parseResolvConf, podDns } from './dns-config.ts';
import { hostIdentity, hostsFile } from './host-identity.ts';
import { objectReferences } from './object-references.ts';
import { containerResources, cpuShares, podCgroupPath, podCgroupResources, qosClassOf } from './pod-cgroup.ts';
import { appContainersOf, containersOf, type PodContainer } from './pod-spec.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { checkRunAsNonRoot, containerSecurity, sandboxSecurity } from './security-options.ts';
import { statusPatch } from './status-patch.ts';

const podOf = (spec: Partial<PodSpec>, name = 'web'): Pod => ({
  metadata: { name, namespace: 'shop', uid: 'u1' },
  spec: { containers: [{ name: 'app' }], ...spec },
});
const host = { servers: ['192.0.2.53'], searches: ['example.com'], options: ['timeout:2'] };
const dns = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host };

describe('DNS of a pod', () => {
  const cluster = {
    servers: ['10.96.0.10'],
    searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
    options: ['ndots:5'],
  };

  it('is the cluster, unless the pod is in the host network or says otherwise', () => {
    expect(podDns(podOf({}), dns)).toEqual(cluster);
    expect(podDns(podOf({ hostNetwork: true }), dns)).toEqual(host);
    expect(podDns(podOf({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), dns)).toEqual(cluster);
    expect(podDns(podOf({ dnsPolicy: 'Default' }), dns)).toEqual(host);
  });

  it('takes what the pod adds, options by name', () => {
    const dnsConfig = {
      nameservers: ['1.1.1.1'],
      searches: ['a.b'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    };
    expect(podDns(podOf({ dnsConfig }), dns)).toEqual({
      servers: ['10.96.0.10', '1.1.1.1'],
      searches: [...cluster.searches, 'a.b'],
      options: ['ndots:2', 'edns0'],
    });
    expect(podDns(podOf({ dnsPolicy: 'None', dnsConfig }), dns).servers).toEqual(['1.1.1.1']);
  });

  it('is no longer than resolvers read: three servers, 32 search domains of 2048 characters', () => {
    const nameservers = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'];
    const of = (searches: string[]) => podDns(podOf({ dnsPolicy: 'None', dnsConfig: { nameservers, searches } }), dns);
    expect(of([]).servers).toEqual(nameservers.slice(0, 3));
    expect(of(Array.from({ length: 40 }, (_, i) => `d${i}.example`)).searches).toHaveLength(32);
    expect(of(Array.from({ length: 20 }, (_, i) => `${i}${'x'.repeat(200)}`)).searches).toHaveLength(10);
  });

  it('reads resolv.conf', () => {
    expect(parseResolvConf('# c\nnameserver 1.2.3.4\nsearch a b .\noptions ndots:1 rotate\n')).toEqual({
      servers: ['1.2.3.4'],
      searches: ['a', 'b'],
      options: ['ndots:1', 'rotate'],
    });
  });
});

describe('the name of a pod', () => {
  it('is its own, cut to what a host name may be', () => {
    expect(hostIdentity(podOf({}, `${'a'.repeat(62)}-b`), 'cluster.local', 'n').hostname).toBe('a'.repeat(62));
    expect(hostIdentity(podOf({ hostname: 'db', subdomain: 'data' }), 'cluster.local', 'n')).toEqual({
      hostname: 'db',
      domain: 'data.shop.svc.cluster.local',
    });
  });

  it('is the whole one where the pod asks for that and has a subdomain', () => {
    const nameOf = (spec: Partial<PodSpec>): string => hostIdentity(podOf(spec), 'cluster.local', 'n').hostname;
    expect(nameOf({ setHostnameAsFQDN: true, subdomain: 'data' })).toBe('web.data.shop.svc.cluster.local');
    expect(nameOf({ setHostnameAsFQDN: true })).toBe('web');
    const long = 'd'.repeat(45);
    expect(nameOf({ subdomain: long })).toBe('web');
    expect(() => nameOf({ setHostnameAsFQDN: true, subdomain: long })).toThrow(
      `FQDN web.${long}.shop.svc.cluster.local is too long (64 characters is the max, 72 characters requested)`,
    );
  });

  it('is in its hosts file, with the aliases', () => {
    const pod = podOf({ hostname: 'db', subdomain: 'data', hostAliases: [{ ip: '1.2.3.4', hostnames: ['x', 'y'] }] });
    const text = hostsFile(pod, { identity: hostIdentity(pod, 'cluster.local', 'n'), podIps: ['10.0.0.7'] });
    expect(text).toContain('10.0.0.7\tdb.data.shop.svc.cluster.local\tdb\n');
    expect(text).toContain('# Entries added by HostAliases.\n1.2.3.4\tx\ty\n');
  });
});

describe('resources', () => {
  const container = (limits?: Record<string, string>, requests?: Record<string, string>): PodSpec['containers'][0] => ({
    name: 'app',
    resources: { ...(limits && { limits }), ...(requests && { requests }) },
  });

  it('give the quality of service', () => {
    const full = { cpu: '1', memory: '1Gi' };
    expect(qosClassOf(podOf({ containers: [container(full, full)] }))).toBe('Guaranteed');
    expect(qosClassOf(podOf({ containers: [container(full), { name: 'b' }] }))).toBe('Burstable');
    expect(qosClassOf(podOf({ containers: [container(undefined, { cpu: '1' })] }))).toBe('Burstable');
    expect(qosClassOf(podOf({}))).toBe('BestEffort');
  });

  it('become shares, quota, limit and OOM score', () => {
    const pod = podOf({ containers: [container({ cpu: '500m', memory: '128Mi' }, { cpu: '250m', memory: '64Mi' })] });
    const [app] = appContainersOf(pod) as [PodContainer];
    expect(containerResources(pod, app, 2 ** 30)).toEqual({
      cpuShares: 256,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      memoryLimitBytes: 128 * 2 ** 20,
      oomScoreAdj: 937,
    });
    expect(cpuShares(0)).toBe(2);
    expect(podCgroupPath('/t', pod)).toBe('/t/kubepods/burstable/podu1');
  });

  it('limit the whole pod only when every container is limited', () => {
    const limited = container({ memory: '1Mi' });
    expect(podCgroupResources(podOf({ containers: [limited, limited] })).memoryLimitBytes).toBe(2 * 2 ** 20);
    expect(podCgroupResources(podOf({ containers: [limited, { name: 'b' }] })).memoryLimitBytes).toBeUndefined();
  });
});

describe('security', () => {
  const image = { id: 'i', tags: [], digests: [], sizeBytes: 1, pinned: false };
  const withUser = (
    spec: Partial<PodSpec>,
    change: Partial<typeof image> & { uid?: number; userName?: string },
  ): void => {
    const pod = podOf(spec);
    checkRunAsNonRoot(pod, appContainersOf(pod)[0] as PodContainer, { ...image, ...change });
  };

  it('lets the container win over the pod', () => {
    const pod = podOf({
      securityContext: {
        runAsUser: 1,
        fsGroup: 5,
        supplementalGroups: [6],
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [{ name: 'app', securityContext: { runAsUser: 2, capabilities: { drop: ['ALL'] } } }],
    });
    expect(containerSecurity(pod, appContainersOf(pod)[0] as PodContainer)).toMatchObject({
      runAsUser: 2,
      supplementalGroups: [5, 6],
      dropCapabilities: ['ALL'],
      seccomp: 'RuntimeDefault',
      privileged: false,
    });
  });

  it('confines the sandbox as upstream does, unless no container is confined', () => {
    const confined = { seccompProfile: { type: 'RuntimeDefault' } } as const;
    const seccomp = (spec: Partial<PodSpec>): unknown => {
      const pod = podOf(spec);
      return sandboxSecurity(pod, containersOf(pod)).seccomp;
    };
    expect(seccomp({})).toBe('Unconfined');
    expect(seccomp({ securityContext: confined })).toBe('RuntimeDefault');
    const containers = [{ name: 'free' }, { name: 'own', securityContext: confined }];
    expect(seccomp({ containers })).toBe('RuntimeDefault');
    const privileged = { name: 'app', securityContext: { privileged: true } };
    expect(seccomp({ securityContext: confined, containers: [privileged] })).toBe('Unconfined');
  });

  it('refuses root where it must not be, in the words of upstream', () => {
    const securityContext = { runAsNonRoot: true };
    expect(() => withUser({ securityContext }, { uid: 0 })).toThrow(
      'container has runAsNonRoot and image will run as root (pod: "web_shop(u1)", container: app)',
    );
    expect(() => withUser({ securityContext }, { userName: 'app' })).toThrow('image has non-numeric user (app)');
    expect(() => withUser({ securityContext: { ...securityContext, runAsUser: 0 } }, {})).toThrow(
      "container's runAsUser breaks non-root policy",
    );
    expect(() => withUser({ securityContext }, { uid: 1000 })).not.toThrow();
  });

  it('runs as the user whom the pod names, unless a number says who', () => {
    const named = { ...podOf({}), metadata: { ...podOf({}).metadata, annotations: { 'timonel.dev/user': 'app:web' } } };
    const [container] = appContainersOf(named);
    expect(containerSecurity(named, container as PodContainer).runAsUserName).toBe('app:web');
    const numbered = { ...named, spec: { ...named.spec, securityContext: { runAsUser: 0 } } };
    expect(containerSecurity(numbered as Pod, container as PodContainer).runAsUserName).toBeUndefined();
    const careful = { ...named, spec: { ...named.spec, securityContext: { runAsNonRoot: true } } };
    expect(() => checkRunAsNonRoot(careful as Pod, container as PodContainer, { ...image, uid: 1000 })).toThrow(
      'its user is a name (app:web)',
    );
  });

  it('shares what the pod shares', () => {
    const pod = podOf({ shareProcessNamespace: true, hostNetwork: true, hostIPC: true });
    const options = { pod, attempt: 0, nodeName: 'n', dns, logDirectory: '/l', cgroupParent: '/c' };
    expect(sandboxConfig(options).namespaces).toEqual({ network: 'node', pid: 'pod', ipc: 'node' });
  });
});

it('knows every object that a pod reads', () => {
  const pod = podOf({
    imagePullSecrets: [{ name: 'pull' }],
    volumes: [
      { name: 'a', configMap: { name: 'c1' } },
      { name: 'b', projected: { sources: [{ secret: { name: 's1' } }, { configMap: { name: 'c1' } }] } },
    ],
    containers: [{ name: 'app', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's2', key: 'k' } } }] }],
  });
  expect(objectReferences(pod).map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    'Secret/s2',
    'ConfigMap/c1',
    'Secret/s1',
    'Secret/pull',
  ]);
});

describe('the patch of a status', () => {
  it('is nothing when nothing changed', () => {
    const conditions = [{ type: 'Ready', status: 'True', lastProbeTime: null as never }];
    const old = { phase: 'Running', conditions, containerStatuses: [] };
    expect(statusPatch(old, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })).toBeUndefined();
  });

  it('has what changed, and only that', () => {
    const old = {
      phase: 'Pending',
      reason: 'x',
      podIPs: [{ ip: '1' }],
      conditions: [{ type: 'Ready', status: 'False', reason: 'No' }],
    };
    const next = { phase: 'Running', podIPs: [{ ip: '2' }], conditions: [{ type: 'Ready', status: 'True' }] };
    expect(statusPatch(old, next)).toEqual({
      phase: 'Running',
      reason: null,
      podIPs: [{ ip: '2' }, { $patch: 'replace' }],
      conditions: [{ type: 'Ready', status: 'True', reason: null }],
    });
  });
});
