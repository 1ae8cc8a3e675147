import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Something that a cluster of real containers needs of its host. */
export interface Prerequisite {
  need: string;
  found: boolean;
  /** What it is for, as a part of a sentence. */
  why: string;
  /** The exact line that mends it; undefined when there is none. */
  fix: string | undefined;
  /** `up` refuses to start without; `build` and `image base` say so when they are called. */
  for: 'up' | 'build' | 'image base' | 'registry' | 'ingress' | 'use';
}

interface Command {
  command: string;
  package: string;
  why: string;
  for: Prerequisite['for'];
}

const commands: readonly Command[] = [
  { command: 'containerd', package: 'containerd', why: 'runs the containers of each node', for: 'up' },
  { command: 'ctr', package: 'containerd', why: 'imports images into nodes', for: 'up' },
  { command: 'runc', package: 'runc', why: 'starts each container', for: 'up' },
  { command: 'ip', package: 'iproute2', why: 'makes the nodes and their links', for: 'up' },
  { command: 'nft', package: 'nftables', why: 'sends service traffic to pods', for: 'up' },
  { command: 'nsenter', package: 'util-linux', why: 'starts programs inside a node', for: 'up' },
  { command: 'umount', package: 'mount', why: 'takes down what containers mounted', for: 'up' },
  { command: 'haproxy', package: 'haproxy', why: 'serves ingresses', for: 'ingress' },
  { command: 'conntrack', package: 'conntrack', why: 'ends connections to endpoints that are gone', for: 'use' },
  { command: 'buildah', package: 'buildah', why: 'builds images', for: 'build' },
  { command: 'mmdebstrap', package: 'mmdebstrap', why: 'makes base images without a registry', for: 'image base' },
  { command: 'busybox', package: 'busybox-static', why: 'makes the busybox image', for: 'image base' },
  { command: 'docker-registry', package: 'docker-registry', why: "serves the cluster's own registry", for: 'registry' },
  { command: 'skopeo', package: 'skopeo', why: 'pushes and pulls images', for: 'registry' },
  { command: 'gpg', package: 'gnupg', why: 'signs charts and checks their signatures', for: 'use' },
  { command: 'kubectl', package: 'kubernetes-client', why: 'talks to the cluster', for: 'use' },
];

/**
 * Everything the host must have and whether it has it. Looks at files only: takes a millisecond. `root` is the root of
 * the file system that tells about the kernel.
 */
export function checkPrerequisites(root = '/'): Prerequisite[] {
  return [...hostChecks(root), ...commands.map(checkCommand)];
}

/** One line that installs every package the list lacks; undefined when none is lacking. */
export function installLine(lacking: readonly Prerequisite[]): string | undefined {
  const prefix = 'apt-get install -y ';
  const packages = lacking.flatMap(({ fix, found }) =>
    !found && fix?.startsWith(prefix) ? fix.slice(prefix.length) : [],
  );
  return packages.length === 0 ? undefined : `${prefix}${[...new Set(packages)].join(' ')}`;
}

/** Throws a sentence with the line that installs the command when it is not there. */
export function requireCommand(command: string): void {
  const known = commands.find((each) => each.command === command);
  if (!known) throw new Error(`${command} is not a known prerequisite`);
  const { found, fix, why } = checkCommand(known);
  if (!found) throw new Error(`${command}, which ${why}, is not installed. Install it: ${fix}`);
}

function hostChecks(root: string): Prerequisite[] {
  const has = (file: string): boolean => existsSync(join(root, file));
  return [
    {
      need: 'root',
      found: process.getuid?.() === 0,
      why: 'namespaces, mounts and packet filters belong to root',
      fix: 'sudo -E timonel up',
      for: 'up',
    },
    {
      need: 'Linux 5.4 or later',
      found: kernelAtLeast(root, 5, 4),
      why: 'service rules and overlay mounts rely on it',
      fix: 'a newer kernel: apt-get install linux-image-amd64, or a newer release of the distribution',
      for: 'up',
    },
    {
      need: 'control groups',
      found: has('sys/fs/cgroup/cgroup.controllers') || has('sys/fs/cgroup/memory'),
      why: 'limit what pods use',
      fix: 'mount -t cgroup2 none /sys/fs/cgroup',
      for: 'up',
    },
    {
      need: 'overlay file system',
      found: hasOverlay(root),
      why: 'gives each container its own view of its image',
      fix: 'modprobe overlay',
      for: 'up',
    },
    {
      need: 'network namespaces',
      found: has('proc/self/ns/net'),
      why: 'each node is one',
      fix: undefined,
      for: 'up',
    },
  ];
}

function checkCommand({ command, package: name, why, for: purpose }: Command): Prerequisite {
  return { need: command, found: commandPath(command) !== undefined, why, fix: aptLine(name), for: purpose };
}

function aptLine(packages: string): string {
  return `apt-get install -y ${packages}`;
}

/** Debian keeps many of these where a user's PATH does not look. */
function commandPath(command: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin'];
  return directories.map((directory) => join(directory, command)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** In the kernel, or as a module, which the kernel loads at the first mount. */
function hasOverlay(root: string): boolean {
  if (/\boverlay$/m.test(readText(join(root, 'proc/filesystems')))) return true;
  const modules = join(root, 'lib/modules', kernelRelease(root));
  return ['modules.builtin', 'modules.dep'].some((list) => /\/overlay\.ko/.test(readText(join(modules, list))));
}

function kernelRelease(root: string): string {
  return readText(join(root, 'proc/sys/kernel/osrelease')).trim();
}

/** Empty when there is no such file. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function kernelAtLeast(root: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = kernelRelease(root).split('.').map(Number);
  return first > major || (first === major && second >= minor);
}
