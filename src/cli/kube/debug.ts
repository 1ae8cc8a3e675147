import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { applyStrategicMergePatch } from '../../api/strategic-merge-patch.ts';
import type { Container, ContainerStatus, Pod, PodSpec } from '../../api/types/core-v1.ts';
import { nameSuffix, systemRandom } from '../../base/random.ts';
import type { ObjectName } from '../../client/client.ts';
import { openPodLogs } from '../../client/pod-streams.ts';
import { nodes, pods } from '../../client/resources.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import {
  type DebugProfile,
  debugProfiles,
  type DebugStyle,
  type KeepFlags,
  keptOf,
  nodeAccessOf,
  securityOf,
} from './debug-profiles.ts';
import { attach, splitAtDashes } from './exec.ts';
import { imageForm } from './run.ts';
import { placeOf, type Selection, selectionOf } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface DebugFlags extends KubeFlags, KeepFlags {
  filename?: string[];
  recursive?: boolean;
  image?: string;
  container?: string;
  target?: string;
  copyTo?: string;
  replace?: boolean;
  sameNode?: boolean;
  shareProcesses?: string | boolean;
  setImage?: string[];
  env?: string[];
  argumentsOnly?: boolean;
  imagePullPolicy?: string;
  profile: string;
  /** A file with a part of a container. */
  custom?: string;
  stdin?: boolean;
  tty?: boolean;
  attach?: boolean | string;
  quiet?: boolean;
}

/** Flags that were looked at, and what they say. */
interface Session {
  flags: DebugFlags;
  profile: DebugProfile;
  args: string[];
  custom: Partial<Container> | undefined;
  images: ReadonlyMap<string, string>;
  say: (text: string) => void;
}

/** `timonel debug POD`: a container beside those of a pod, in the pod, in a copy of it, or in one for a node. */
export async function debug(words: readonly string[], flags: DebugFlags): Promise<void> {
  const [targets, args] = splitAtDashes(words, process.argv);
  const say = (text: string): void => void (flags.quiet || process.stdout.write(`${text}\n`));
  const session = { ...checked(targets, args, flags), flags, args, say };
  if (session.profile === 'legacy') {
    process.stderr.write(
      '--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a ' +
        'profile, for example "--profile=general".\n',
    );
  }
  await withKube(flags, async (kube) => {
    const named = targets.map((word) => (word.includes('/') ? word : `pods/${word}`));
    for (const selection of await selectionOf(kube, named, flags)) {
      try {
        await debugOne(kube, selection, session);
      } catch (error) {
        kube.fail(error);
      }
    }
  });
}

/** Throws CliError in kubectl's words, of the first flag that cannot be. */
function checked(
  targets: readonly string[],
  args: readonly string[],
  flags: DebugFlags,
): Pick<Session, 'profile' | 'custom' | 'images'> {
  const custom = customOf(flags.custom);
  const images = new Map((flags.setImage ?? []).flatMap((text) => text.split(',')).map((pair) => splitPair(pair)));
  const wrong = flags.env?.find((pair) => !/^[^=]+=/.test(pair));
  if (wrong !== undefined) throw malformed(wrong, 'env');
  requireCopyFlags(args, flags);
  const { image, imagePullPolicy: policy, target, tty, stdin, filename } = flags;
  if (image && !imageForm.test(image)) throw new CliError(`invalid image name "${image}": invalid reference format`);
  if (targets.length === 0 && !filename?.length) throw new CliError('NAME or filename is required for debug');
  if (policy && !['Always', 'IfNotPresent', 'Never'].includes(policy))
    throw new CliError(`invalid image pull policy: ${policy}`);
  for (const [name, wanted] of images) {
    if (!imageForm.test(wanted))
      throw new CliError(`invalid image name "${wanted}" for container "${name}": invalid reference format`);
  }
  if (target) {
    if (flags.copyTo) throw new CliError('--target is incompatible with --copy-to. Use --share-processes instead.');
    if (!flags.quiet) {
      process.stdout.write(
        `Targeting container "${target}". If you don't see processes from this container it may be because the ` +
          "container runtime doesn't support this feature.\n",
      );
    }
  }
  if (tty && !stdin) throw new CliError('-i/--stdin is required for containers with -t/--tty=true');
  const profile = debugProfiles.find((each) => each === flags.profile);
  if (!profile) throw new CliError(`unknown profile: ${flags.profile}`);
  return { profile, custom, images };
}

function requireCopyFlags(args: readonly string[], flags: DebugFlags): void {
  const { copyTo, image, setImage = [], container, replace, sameNode } = flags;
  if (copyTo) {
    if (!image && setImage.length === 0 && args.length === 0)
      throw new CliError('you must specify --image, --set-image or command arguments.');
    if (args.length > 0 && !container && !image)
      throw new CliError('you must specify an existing container or a new image when specifying args.');
    return;
  }
  if (replace) throw new CliError('--replace may only be used with --copy-to.');
  if (sameNode) throw new CliError('--same-node may only be used with --copy-to.');
  if (setImage.length > 0) throw new CliError('--set-image may only be used with --copy-to.');
  if (!image) throw new CliError('you must specify --image when not using --copy-to.');
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw malformed(pair, 'set-image');
}

function malformed(pair: string, flag: string): CliError {
  const message = `invalid argument "${pair}" for "--${flag}" flag: ${pair} must be formatted as key=value`;
  return new CliError(message, { exitCode: 2 });
}

function customOf(file: string | undefined): Partial<Container> | undefined {
  if (!file) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : String(error);
    throw new CliError(`must pass a container spec json file for custom profile: open ${file}: ${why}`, {
      cause: error,
    });
  }
  const custom = parse(text) as Partial<Container> | null;
  const fixed = ['name', 'command', 'image', 'lifecycle', 'volumeDevices'] as const;
  if (fixed.some((key) => custom?.[key] !== undefined))
    throw new CliError('name, command, image, lifecycle and volume devices are not modifiable via custom profile');
  return custom ?? undefined;
}

async function debugOne(kube: Kube, selection: Selection, session: Session): Promise<void> {
  const { client } = kube;
  const { kind, group, version } = selection.resource;
  const place = placeOf(kube, selection);
  if (kind === 'Node') {
    const node = await client.get(nodes, place);
    return debugNode(kube, node.metadata.name ?? '', session);
  }
  if (kind !== 'Pod') {
    await client.get(selection.resource, place);
    throw new CliError(`"${group}/${version}, Kind=${kind}" not supported by debug`);
  }
  const pod = await client.get(pods, place);
  return session.flags.copyTo ? debugCopy(kube, pod, session) : debugInside(kube, pod, session);
}

function newName({ flags, say }: Session, { spec, status }: Pick<Pod, 'spec' | 'status'>): string {
  if (flags.container) return flags.container;
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const taken = new Set([...all, ...(status?.ephemeralContainerStatuses ?? [])].map(({ name }) => name));
  for (;;) {
    const name = `debugger-${nameSuffix(systemRandom, 5)}`;
    if (taken.has(name)) continue;
    say(`Defaulting debug container name to ${name}.`);
    return name;
  }
}

/** What flags say of a container, over what it was. */
function fromFlags({ flags, args }: Session, before: Partial<Container>): Partial<Container> {
  const { image, imagePullPolicy, env, argumentsOnly, stdin, tty } = flags;
  const { command, args: oldArgs, ...rest } = before;
  const words =
    args.length === 0
      ? { ...(command && { command }), ...(oldArgs && { args: oldArgs }) }
      : argumentsOnly
        ? { ...(command && { command }), args }
        : { command: args };
  return {
    ...rest,
    ...words,
    ...(image && { image }),
    ...(imagePullPolicy && { imagePullPolicy }),
    ...(env && {
      env: env.map((pair) => ({ name: pair.split('=')[0] ?? '', value: pair.slice(pair.indexOf('=') + 1) })),
    }),
    ...(stdin && { stdin }),
    ...(tty && { tty }),
  };
}

/** With what its profile lets it do, and what the file of `--custom` says. */
function profiled(container: Container, { profile, custom }: Session, style: DebugStyle): Container {
  const security = securityOf(profile, style);
  const made = { ...container, ...(security && { securityContext: { ...container.securityContext, ...security } }) };
  return custom ? applyStrategicMergePatch(made, custom, 'io.k8s.api.core.v1.Container') : made;
}

async function debugInside(kube: Kube, pod: Pod, session: Session): Promise<void> {
  const { target } = session.flags;
  const name = newName(session, pod);
  const made = { ...profiled({ ...fromFlags(session, {}), name }, session, 'ephemeral') };
  const ephemeral = { ...made, ...(target && { targetContainerName: target }) };
  const place = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
  const before = (pod.spec?.ephemeralContainers ?? []).map((each) => ({ name: each.name }));
  // Behind those that are there: they cannot be changed, nor their order.
  const order = { '$setElementOrder/ephemeralContainers': [...before, { name }] };
  const document = { spec: { ...order, ephemeralContainers: [ephemeral] } };
  await kube.client.patch(pods, place, { kind: 'strategic', document }, { subresource: 'ephemeralcontainers' });
  await attachTo(kube, place, { name, session });
}

async function debugCopy(kube: Kube, pod: Pod, session: Session): Promise<void> {
  const { flags, images, profile } = session;
  const namespace = pod.metadata.namespace ?? '';
  const { ephemeralContainers: _, nodeName, ...spec } = pod.spec as PodSpec;
  const containers = spec.containers.map((container) => {
    const image = images.get(container.name) ?? images.get('*');
    return image === undefined ? container : { ...container, image };
  });
  const { labels, annotations } = pod.metadata;
  const isShared = flags.shareProcesses === undefined ? {} : { shareProcessNamespace: isTrue(flags.shareProcesses) };
  const copy = {
    metadata: { name: flags.copyTo ?? '', namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: { ...spec, containers, ...isShared, ...(flags.sameNode && nodeName && { nodeName }) },
  };
  const existing = containers.find(({ name }) => name === flags.container);
  if (!existing && !flags.image) {
    if (images.size === 0) throw new CliError('you must specify image when creating new container');
    await replaceBy(kube, pod, copy, session);
    return;
  }
  const name = existing?.name ?? newName(session, pod);
  const kept = keptOf(copy, profile, flags);
  const before = kept.spec.containers.find((each) => each.name === name) ?? {};
  const made = profiled({ ...fromFlags(session, before), name }, session, 'copy');
  const others = kept.spec.containers;
  const all = existing ? others.map((each) => (each.name === name ? made : each)) : [...others, made];
  await replaceBy(kube, pod, { ...kept, spec: { ...kept.spec, containers: all } }, session);
  await attachTo(kube, { name: flags.copyTo ?? '', namespace }, { name, session });
}

async function replaceBy({ client }: Kube, pod: Pod, copy: Pod, { flags }: Session): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata;
  if (flags.replace) await client.delete(pods, { name, namespace });
  await client.create(pods, copy, { fieldManager: 'kubectl-debug' });
}

async function debugNode(kube: Kube, node: string, session: Session): Promise<void> {
  const { flags, profile, say } = session;
  const prefix = `node-debugger-${node}`.slice(0, 57);
  const place = { name: `${prefix}-${nameSuffix(systemRandom, 5)}`, namespace: kube.namespace };
  const name = flags.container || 'debugger';
  say(`Creating debugging pod ${place.name} with container ${name} on node ${node}.`);
  const access = nodeAccessOf(profile);
  const container = profiled({ ...fromFlags(session, {}), ...access.container, name }, session, 'node');
  const tolerations = [{ operator: 'Exists' }];
  const spec = { ...access.pod, containers: [container], nodeName: node, restartPolicy: 'Never', tolerations };
  await kube.client.create(pods, { metadata: place, spec }, { fieldManager: 'kubectl-debug' });
  await attachTo(kube, place, { name, session });
}

const startMs = 5 * 60_000;

/** Waits until the container runs, and joins it; of one that has ended already, its log. */
async function attachTo(
  { client }: Kube,
  place: ObjectName,
  { name, session: { flags } }: { name: string; session: Session },
): Promise<void> {
  if (!(flags.attach === undefined ? flags.stdin : isTrue(flags.attach))) return;
  let state: ContainerStatus['state'];
  await waitForObjects({
    client,
    clock,
    targets: [{ resource: pods, name: place }],
    timeoutMs: startMs,
    until: (object) => {
      if (!object) return { state: 'failed', reason: 'the pod has been deleted' };
      const { containerStatuses = [], ephemeralContainerStatuses = [] } = (object as Pod).status ?? {};
      ({ state } = [...containerStatuses, ...ephemeralContainerStatuses].find((each) => each.name === name) ?? {});
      if (state?.running || state?.terminated) return { state: 'ready' };
      return { state: 'progressing', reason: state?.waiting?.reason ?? 'the container is not there yet' };
    },
  });
  if (state?.running) {
    const { stdin = false, tty = false, quiet = false } = flags;
    return attach(place.name, { ...flags, namespace: place.namespace ?? '', container: name, stdin, tty, quiet });
  }
  const log = await openPodLogs(client, place, { container: name, follow: true });
  for await (const chunk of log) process.stdout.write(chunk as Buffer);
  process.exitCode = state?.terminated?.exitCode ?? 0;
}

function isTrue(value: string | boolean): boolean {
  return value === true || value === 'true';
}
