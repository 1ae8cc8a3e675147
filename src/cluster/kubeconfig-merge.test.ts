import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hasContext, mergeKubeconfig, removeFromKubeconfig } from './kubeconfig-merge.ts';

const entry = {
  name: 'timonel-dev',
  server: 'https://127.0.0.1:6443',
  certificateAuthority: 'CA',
  clientCertificate: 'CERT',
  clientKey: 'KEY',
};

const existing = `# mine
apiVersion: v1
kind: Config
clusters:
- name: prod # keep
  cluster:
    server: https://prod.example
    extensions:
    - name: x
      extension: {a: 1}
contexts:
- context: {cluster: prod, user: me, namespace: web}
  name: prod
current-context: prod
preferences: {colors: true}
users:
- name: me
  user:
    exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}
`;

describe('mergeKubeconfig', () => {
  it('makes a whole kubeconfig from nothing', () => {
    expect(mergeKubeconfig(undefined, entry)).toBe(`apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: timonel-dev
users:
- user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
  name: timonel-dev
contexts:
- context:
    cluster: timonel-dev
    user: timonel-dev
  name: timonel-dev
current-context: timonel-dev
`);
  });

  it('keeps other entries, unknown fields and comments, and makes its context current', () => {
    const text = mergeKubeconfig(existing, entry);
    expect(text).toContain('# mine');
    expect(text).toContain('# keep');
    const config = parse(text);
    const before = parse(existing);
    expect(config.clusters).toHaveLength(2);
    expect(config.clusters[0]).toEqual(before.clusters[0]);
    expect(config.contexts[0]).toEqual(before.contexts[0]);
    expect(config.users[0]).toEqual(before.users[0]);
    expect(config.preferences).toEqual({ colors: true });
    expect(config['current-context']).toBe('timonel-dev');
  });

  it('changes its own entry in place and keeps the namespace that the user chose for it', () => {
    const first = parse(mergeKubeconfig(existing, entry));
    first.contexts[1].context.namespace = 'web';
    const again = parse(mergeKubeconfig(JSON.stringify(first), { ...entry, server: 'https://127.0.0.1:7000' }));
    expect(again.clusters).toHaveLength(2);
    expect(again.clusters[1].cluster.server).toBe('https://127.0.0.1:7000');
    expect(again.contexts[1].context.namespace).toBe('web');
  });

  it('fills the empty lists and nulls that kubectl leaves behind', () => {
    const config = parse(
      mergeKubeconfig('apiVersion: v1\nkind: Config\nclusters: []\ncontexts: null\nusers: null', entry),
    );
    expect(config.clusters[0].name).toBe('timonel-dev');
    expect(config.users[0].name).toBe('timonel-dev');
  });

  it('refuses what is no kubeconfig', () => {
    expect(() => mergeKubeconfig('a: [', entry)).toThrow('not valid YAML');
    expect(() => mergeKubeconfig('- a', entry)).toThrow('not a map');
    expect(() => mergeKubeconfig('kind: Pod', entry)).toThrow('kind is not Config');
  });
});

describe('removeFromKubeconfig', () => {
  it('takes out what merge put in', () => {
    const merged = mergeKubeconfig(existing, entry);
    expect(hasContext(merged, 'timonel-dev')).toBe(true);
    const removed = parse(removeFromKubeconfig(merged, 'timonel-dev') ?? '');
    expect(removed).toEqual({ ...parse(existing), 'current-context': '' });
  });

  it('leaves a file alone that does not hold the entry', () => {
    expect(removeFromKubeconfig(existing, 'timonel-dev')).toBeUndefined();
  });
});
