/** Where one node's private containerd keeps everything. All absolute. */
export interface ContainerdPaths {
  /** Images and metadata: kept over restarts. */
  root: string;
  /** Mounts, bundles, pipes: of one life of the machine. */
  state: string;
  socket: string;
  configFile: string;
  pidFile: string;
  logFile: string;
  cniConfigDirectory: string;
  cniBinDirectory: string;
  /** Where the address allocator of the pod network keeps what it gave away. */
  cniDataDirectory: string;
  /** containerd's registry hosts directory (`<dir>/<registry>/hosts.toml`). */
  registryDirectory: string;
  /** Programs that containerd takes before those of the machine. */
  programDirectory: string;
}

export interface ContainerdConfigOptions {
  /** `1.6.20`, as `containerd --version` gives it. */
  version: string;
  paths: ContainerdPaths;
  sandboxImage: string;
  /** Whether processes may lower their OOM score (CAP_SYS_RESOURCE); without it containers would fail to start. */
  mayLowerOomScore: boolean;
}

/** Every part of containerd that a node has no use for: it starts faster and says less without them. */
const disabledPlugins = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.differ.v1.erofs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
  'io.containerd.internal.v1.restart',
  'io.containerd.internal.v1.opt',
  'io.containerd.nri.v1.nri',
];

/**
 * The text of config.toml: format 2 for containerd 1.6 and 1.7, format 3 for 2.x
 * (https://github.com/containerd/containerd/blob/main/docs/cri/config.md). Everything not said here is containerd's
 * default, the cgroupfs driver among it.
 */
export function renderContainerdConfig(options: ContainerdConfigOptions): string {
  const { version, paths, mayLowerOomScore } = options;
  const major = Number(version.split('.')[0]);
  const head = [
    `version = ${major >= 2 ? 3 : 2}`,
    `root = ${quote(paths.root)}`,
    `state = ${quote(paths.state)}`,
    `oom_score = ${mayLowerOomScore ? -999 : 0}`,
    `disabled_plugins = [${disabledPlugins.map(quote).join(', ')}]`,
    ...section('grpc', { address: paths.socket }),
    ...section('debug', { level: 'warn' }),
  ];
  return [...head, ...(major >= 2 ? formatThree(options) : formatTwo(options)), ''].join('\n');
}

function formatTwo({ paths, sandboxImage, mayLowerOomScore }: ContainerdConfigOptions): string[] {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    ...section(cri, {
      sandbox_image: sandboxImage,
      restrict_oom_score_adj: !mayLowerOomScore,
      stream_server_address: '127.0.0.1',
      stream_server_port: '0',
      // Pods' network namespaces then lie under `state` and go with it.
      netns_mounts_under_state_dir: true,
      enable_unprivileged_ports: true,
      enable_unprivileged_icmp: true,
    }),
    ...section(`${cri}.cni`, { bin_dir: paths.cniBinDirectory, conf_dir: paths.cniConfigDirectory }),
    ...section(`${cri}.containerd`, { snapshotter: 'overlayfs', discard_unpacked_layers: false }),
    ...runc(`${cri}.containerd.runtimes.runc`, paths),
    ...section(`${cri}.registry`, { config_path: paths.registryDirectory }),
  ];
}

function formatThree({ paths, sandboxImage, mayLowerOomScore }: ContainerdConfigOptions): string[] {
  const images = 'plugins."io.containerd.cri.v1.images"';
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  return [
    ...section(images, { snapshotter: 'overlayfs' }),
    ...section(`${images}.pinned_images`, { sandbox: sandboxImage }),
    ...section(`${images}.registry`, { config_path: paths.registryDirectory }),
    ...section(runtime, {
      restrict_oom_score_adj: !mayLowerOomScore,
      netns_mounts_under_state_dir: true,
      enable_unprivileged_ports: true,
      enable_unprivileged_icmp: true,
    }),
    ...section(`${runtime}.cni`, { bin_dir: paths.cniBinDirectory, conf_dir: paths.cniConfigDirectory }),
    ...runc(`${runtime}.containerd.runtimes.runc`, paths),
    ...section('plugins."io.containerd.grpc.v1.cri"', {
      stream_server_address: '127.0.0.1',
      stream_server_port: '0',
    }),
  ];
}

/** runc's own state would otherwise lie in one directory for every containerd of the machine. */
export function runcRoot({ state }: Pick<ContainerdPaths, 'state'>): string {
  return `${state}/runc`;
}

function runc(name: string, paths: ContainerdPaths): string[] {
  return [
    ...section(name, { runtime_type: 'io.containerd.runc.v2' }),
    ...section(`${name}.options`, { Root: runcRoot(paths) }),
  ];
}

function section(name: string, values: Record<string, string | boolean | number>): string[] {
  const lines = Object.entries(values).map(([key, value]) => {
    return `${key} = ${typeof value === 'string' ? quote(value) : value}`;
  });
  return ['', `[${name}]`, ...lines];
}

/** A TOML basic string: JSON's escapes are TOML's. */
function quote(text: string): string {
  return JSON.stringify(text);
}
