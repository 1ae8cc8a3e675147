import { describe, expect, it } from 'vitest';
import { renderCniConfig } from './cni-config.ts';
import { renderContainerdConfig, type ContainerdConfigOptions } from './containerd-config.ts';

const options: ContainerdConfigOptions = {
  version: '1.6.20',
  cniBinDirectory: '/usr/lib/cni',
  sandboxImage: 'timonel.local/pause:1',
  mayLowerOomScore: false,
  paths: {
    root: '/d/containerd',
    state: '/r/containerd',
    socket: '/r/containerd.sock',
    configFile: '/r/containerd.toml',
    pidFile: '/r/containerd.pid',
    logFile: '/r/containerd.log',
    cniConfigDirectory: '/r/cni',
    cniDataDirectory: '/r/cni-addresses',
    registryDirectory: '/d/registries',
  },
};

describe("a node's containerd configuration", () => {
  it('is of format 2 for containerd 1.6 and 1.7, and of format 3 for 2.x', () => {
    expect(renderContainerdConfig(options)).toMatch(/^version = 2$/m);
    expect(renderContainerdConfig({ ...options, version: '1.7.27' })).toMatch(/^version = 2$/m);
    expect(renderContainerdConfig({ ...options, version: '2.1.0' })).toMatch(/^version = 3$/m);
  });

  it('keeps everything below the directories of the node', () => {
    expect(
      renderContainerdConfig(options)
        .split('\n')
        .filter((line) => line.includes('"/')),
    ).toEqual([
      'root = "/d/containerd"',
      'state = "/r/containerd"',
      'address = "/r/containerd.sock"',
      'bin_dir = "/usr/lib/cni"',
      'conf_dir = "/r/cni"',
      'Root = "/r/containerd/runc"',
      'config_path = "/d/registries"',
    ]);
  });

  it('names the sandbox image where each format has it', () => {
    expect(renderContainerdConfig(options)).toContain('sandbox_image = "timonel.local/pause:1"');
    expect(renderContainerdConfig({ ...options, version: '2.0.0' })).toContain(
      '[plugins."io.containerd.cri.v1.images".pinned_images]\nsandbox = "timonel.local/pause:1"',
    );
  });

  it('does not ask for OOM scores that the machine forbids', () => {
    expect(renderContainerdConfig(options)).toMatch(/oom_score = 0\n[^]*restrict_oom_score_adj = true/);
    const able = renderContainerdConfig({ ...options, mayLowerOomScore: true });
    expect(able).toMatch(/oom_score = -999\n[^]*restrict_oom_score_adj = false/);
  });
});

describe('the pod network of a node', () => {
  const network = { name: 'n', podCidr: '10.244.1.0/24', mtu: 1400, dataDirectory: '/d' };
  const types = (text: string): string[] =>
    (JSON.parse(text) as { plugins: { type: string }[] }).plugins.map(({ type }) => type);

  it('has host ports only where they can be served', () => {
    expect(types(renderCniConfig({ ...network, kind: 'bridge', hostPorts: true }))).toEqual(['bridge', 'portmap']);
    expect(types(renderCniConfig({ ...network, kind: 'ptp', hostPorts: false }))).toEqual(['ptp']);
  });

  it("gives addresses of the node's own range", () => {
    const config = JSON.parse(renderCniConfig({ ...network, kind: 'bridge', hostPorts: false })) as {
      plugins: unknown[];
    };
    expect(config.plugins[0]).toMatchObject({
      mtu: 1400,
      ipam: { dataDir: '/d', ranges: [[{ subnet: '10.244.1.0/24' }]] },
    });
  });
});
