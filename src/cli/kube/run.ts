import type { AnyObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ObjectName } from '../../client/client.ts';
import { pods, services } from '../../client/resources.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { attachOrPrint, splitAtDashes } from './exec.ts';
import { create, type MakeFlags, overridden, pairsOf } from './create/make.ts';
import { type Kube, withKube } from './session.ts';

export interface RunFlags extends MakeFlags {
  image: string;
  port?: string;
  env?: string[];
  labels?: string;
  annotations?: string[];
  restart: string;
  command?: boolean;
  imagePullPolicy?: string;
  stdin?: boolean;
  tty?: boolean;
  attach?: boolean;
  rm?: boolean;
  quiet?: boolean;
  expose?: boolean;
  privileged?: boolean;
  /** A merge patch for the pod, in JSON. */
  overrides?: string;
}

const usage = { hint: "See 'timonel run -h' for help and examples" };
/** The form of a reference to an image (distribution's reference grammar), loosely. */
export const imageForm =
  /^[a-zA-Z0-9][\w.-]*(?::\d+)?(?:\/[a-zA-Z0-9][\w.-]*)*(?::[\w][\w.-]{0,127})?(?:@[\w+.-]+:[0-9a-fA-F]{32,})?$/;

const startMs = 5 * 60_000;
/** What it printed last has come already: only its state is still to be told. */
const endMs = 60_000;

/** `timonel run NAME --image IMAGE`; with -i, -t or --attach one is in it at once, and with --rm it goes afterwards. */
export async function run(words: readonly string[], flags: RunFlags): Promise<void> {
  const [[name], args] = splitAtDashes(words, process.argv);
  if (name === undefined) throw new CliError('NAME is required for run', usage);
  requireFlags(flags);
  const isAttached = Boolean(flags.attach || flags.stdin || flags.tty);
  if (flags.rm && !isAttached) throw new CliError('--rm should only be used for attached containers', usage);
  if (isAttached && flags.dryRun && flags.dryRun !== 'none')
    throw new CliError(
      "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
      usage,
    );
  if (flags.expose && !flags.port) throw new CliError('--port must be set when exposing a service', usage);
  await withKube(flags, async (kube) => {
    const verb = { ...flags, verb: 'created' };
    if (flags.expose) {
      await create(kube, services, verb, serviceOf(name, flags));
      if (flags.output === 'yaml') process.stdout.write('---\n');
    }
    if (!isAttached) return create(kube, pods, verb, podOf(name, args, flags));
    await runAttached(kube, name, { args, flags });
  });
}

function requireFlags({ image, restart, env = [] }: RunFlags): void {
  if (image === '') throw new CliError('--image is required');
  if (!imageForm.test(image)) throw new CliError(`Invalid image name "${image}": invalid reference format`);
  if (!['Always', 'OnFailure', 'Never'].includes(restart))
    throw new CliError(`invalid restart policy: ${restart}`, usage);
  const wrong = env.find((pair) => !/^[^=]+=/.test(pair));
  if (wrong !== undefined) throw new CliError(`invalid env: ${wrong}`);
}

async function runAttached(
  kube: Kube,
  name: string,
  { args, flags }: { args: readonly string[]; flags: RunFlags },
): Promise<void> {
  const { client, namespace } = kube;
  const pod = podOf(name, args, flags);
  const place = { name, namespace };
  await client.create(pods, { ...pod, metadata: { ...pod.metadata, namespace } }, { fieldManager: 'kubectl-run' });
  try {
    await untilPhase(kube, place, ['Running', 'Succeeded', 'Failed'], startMs);
    await attachOrPrint(kube, await client.get(pods, place), flags);
    if (flags.restart !== 'Always') await sayHowItEnded(kube, place);
  } finally {
    if (flags.rm) {
      await client.delete(pods, place);
      if (!flags.quiet) process.stdout.write(`pod "${name}" deleted\n`);
    }
  }
}

async function untilPhase(
  { client }: Kube,
  name: ObjectName,
  phases: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await waitForObjects({
    client,
    clock,
    targets: [{ resource: pods, name }],
    timeoutMs,
    until: (object) => {
      if (!object) return { state: 'failed', reason: 'the pod has been deleted' };
      const { phase = 'Pending' } = (object as AnyObject & Pod).status ?? {};
      return phases.includes(phase) ? { state: 'ready' } : { state: 'progressing', reason: phase };
    },
  });
}

/** A pod that is not started again ends as its container does, and this command ends so too. */
async function sayHowItEnded(kube: Kube, place: ObjectName): Promise<void> {
  await untilPhase(kube, place, ['Succeeded', 'Failed'], endMs);
  const { status } = await kube.client.get(pods, place);
  const { exitCode = 0, reason = '' } = status?.containerStatuses?.[0]?.state?.terminated ?? {};
  if (exitCode === 0) return;
  process.stderr.write(`pod ${place.namespace ?? ''}/${place.name} terminated (${reason})\n`);
  process.exitCode = exitCode;
}

function podOf(name: string, args: readonly string[], flags: RunFlags): AnyObject {
  return overridden(plainPod(name, args, flags), flags.overrides);
}

function plainPod(name: string, args: readonly string[], flags: RunFlags): AnyObject {
  const env = (flags.env ?? []).map((pair) => ({
    name: pair.split('=')[0] ?? '',
    value: pair.slice(pair.indexOf('=') + 1),
  }));
  const annotations = flags.annotations?.map((pair) => pair.split('=', 2));
  return {
    metadata: {
      name,
      labels: labelsOf(name, flags),
      ...(annotations && { annotations: Object.fromEntries(annotations) as Record<string, string> }),
    },
    spec: {
      containers: [
        {
          ...{ name, image: flags.image },
          ...(flags.imagePullPolicy && { imagePullPolicy: flags.imagePullPolicy }),
          ...(args.length > 0 && (flags.command ? { command: args } : { args })),
          ...(env.length > 0 && { env }),
          ...(flags.port && { ports: [{ containerPort: Number(flags.port) }] }),
          ...(flags.stdin && { stdin: true, stdinOnce: true }),
          ...(flags.tty && { tty: true }),
          resources: {},
          ...(flags.privileged && { securityContext: { privileged: true } }),
        },
      ],
      dnsPolicy: 'ClusterFirst',
      restartPolicy: flags.restart,
    },
    status: {},
  };
}

function labelsOf(name: string, { labels }: RunFlags): Record<string, string> {
  return labels ? pairsOf(labels) : { run: name };
}

function serviceOf(name: string, flags: RunFlags): AnyObject {
  const port = Number(flags.port);
  return {
    metadata: { name },
    spec: { selector: labelsOf(name, flags), ports: [{ port, protocol: 'TCP', targetPort: port }] },
    status: { loadBalancer: {} },
  };
}
