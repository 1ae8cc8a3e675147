import { describe, expect, it } from 'vitest';
import { renderContainerdConfig, type ContainerdConfigOptions } from './containerd-config.ts';

const options: ContainerdConfigOptions = {
  version: '1.6.20',
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
    cniBinDirectory: '/d/cni-plugins',
    cniDataDirectory: '/r/containerd/cni-addresses',
    registryDirectory: '/d/registries',
    programDirectory: '/d/programs',
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
      'bin_dir = "/d/cni-plugins"',
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
