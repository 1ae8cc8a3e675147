import { describe, expect, it } from 'vitest';
import { registryPaths, renderHostsFile, renderRegistryConfig, renderRegistryRules } from './registry-files.ts';

describe("the files of a cluster's registry", () => {
  it('lets it listen on loopback only, with TLS and passwords', () => {
    const text = renderRegistryConfig({
      paths: registryPaths('/d'),
      port: 5000,
      certificateFile: '/d/pki/registry.crt',
      keyFile: '/d/pki/registry.key',
      secret: 's',
    });
    expect(JSON.parse(text)).toEqual({
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: '/d/registry/storage' }, delete: { enabled: true } },
      http: {
        addr: '127.0.0.1:5000',
        secret: 's',
        tls: { certificate: '/d/pki/registry.crt', key: '/d/pki/registry.key' },
      },
      auth: { htpasswd: { realm: 'timonel', path: '/d/registry/htpasswd' } },
    });
  });

  it("tells a node's containerd where localhost:5000 is, whom to trust, and who it is", () => {
    const options = {
      address: '10.89.0.1',
      port: 5000,
      certificateAuthorityFile: '/d/ca.crt',
      authorization: 'Basic eA==',
    };
    expect(renderHostsFile(options)).toBe(`server = "https://10.89.0.1:5000"

[host."https://10.89.0.1:5000"]
capabilities = ["pull", "resolve"]
ca = "/d/ca.crt"

[host."https://10.89.0.1:5000".header]
authorization = "Basic eA=="
`);
  });

  it('opens the way from the nodes alone', () => {
    const rules = { table: 'timonel-dev.registry', bridge: 'tml-1', hostAddress: '10.89.0.1', port: 5000 };
    expect(renderRegistryRules(rules)).toContain(
      'iifname "tml-1" ip daddr 10.89.0.1 tcp dport 5000 dnat to 127.0.0.1\n',
    );
  });
});
