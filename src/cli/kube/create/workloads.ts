import type { AnyObject } from '../../../api/object.ts';
import type { Container } from '../../../api/types/core-v1.ts';
import type { CronJob } from '../../../api/types/batch-v1.ts';
import { cronJobs, deployments, jobs } from '../../../client/resources.ts';
import { CliError } from '../../errors.ts';
import { splitAtDashes } from '../exec.ts';
import { placeOf, selectionOf } from '../selection.ts';
import { type Kube, withKube } from '../session.ts';
import { create, make, type MakeFlags, nameOf } from './make.ts';

export interface DeploymentFlags extends MakeFlags {
  image: string[];
  replicas: string;
  port?: string;
}

export async function createDeployment(words: readonly string[], flags: DeploymentFlags): Promise<void> {
  const [names, command] = splitAtDashes(words, process.argv);
  const name = nameOf(names, 'deployment');
  if (command.length > 0 && flags.image.length > 1)
    throw new CliError('cannot specify multiple --image options and command');
  const labels = { app: name };
  const containers = flags.image.map((image, i): Container => ({
    ...containerOf(containerName(image), image, command),
    // The port is the first one's.
    ...(flags.port && i === 0 && { ports: [{ containerPort: Number(flags.port) }] }),
  }));
  await make(flags, deployments, {
    metadata: { name, labels },
    spec: {
      replicas: Number(flags.replicas),
      selector: { matchLabels: labels },
      strategy: {},
      template: { metadata: { labels }, spec: { containers } },
    },
    status: {},
  });
}

function containerOf(name: string, image: string, command: readonly string[]): Container {
  return { name, image, ...(command.length > 0 && { command: [...command] }), resources: {} };
}

/** Of the image's last part, without its tag. */
function containerName(image: string): string {
  const last = image.split('/').at(-1) ?? image;
  return (last.split(/[:@]/)[0] ?? last).toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
}

export interface JobFlags extends MakeFlags {
  image?: string;
  /** `cronjob/NAME`: as that one makes them. */
  from?: string;
}

export async function createJob(words: readonly string[], flags: JobFlags): Promise<void> {
  const [names, command] = splitAtDashes(words, process.argv);
  const name = nameOf(names, 'job');
  const { image, from } = flags;
  if (Boolean(image) === Boolean(from)) throw new CliError('either --image or --from must be specified');
  if (from && command.length > 0) throw new CliError('cannot specify --from and command');
  await withKube(flags, async (kube) => {
    const job = from
      ? jobOfCronJob(name, await cronJobAt(kube, from))
      : { metadata: { name }, spec: jobSpec({ name, image: image ?? '', command, restart: 'Never' }), status: {} };
    await create(kube, jobs, { ...flags, verb: 'created' }, job as AnyObject);
  });
}

interface JobPod {
  name: string;
  image: string;
  command: readonly string[];
  restart: string;
}

function jobSpec({ name, image, command, restart }: JobPod): object {
  return {
    template: {
      metadata: {},
      spec: { containers: [containerOf(name, image, command)], restartPolicy: restart },
    },
  };
}

async function cronJobAt(kube: Kube, words: string): Promise<CronJob> {
  const [selection] = await selectionOf(kube, [words], {});
  if (selection?.name === undefined) throw new CliError('resource(s) were provided, but no name was specified');
  const object = await kube.client.get(selection.resource, placeOf(kube, selection));
  const { kind, version } = selection.resource;
  if (kind !== 'CronJob') throw new CliError(`unknown object type *${version}.${kind}`);
  return object as CronJob;
}

/** A run outside of the schedule, which belongs to the cron job as its own runs do. */
function jobOfCronJob(name: string, { metadata, spec }: CronJob): object {
  const { metadata: template, spec: jobTemplate } = spec?.jobTemplate ?? {};
  const owner = { apiVersion: 'batch/v1', controller: true, kind: 'CronJob', name: metadata.name, uid: metadata.uid };
  return {
    metadata: {
      name,
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...template?.annotations },
      ...(template?.labels && { labels: template.labels }),
      ownerReferences: [owner],
    },
    spec: jobTemplate ?? {},
    status: {},
  };
}

export interface CronJobFlags extends MakeFlags {
  image: string;
  schedule: string;
  restart: string;
}

export async function createCronJob(words: readonly string[], flags: CronJobFlags): Promise<void> {
  const [names, command] = splitAtDashes(words, process.argv);
  const name = nameOf(names, 'cronjob');
  const { image, schedule, restart } = flags;
  await make(flags, cronJobs, {
    metadata: { name },
    spec: { schedule, jobTemplate: { metadata: { name }, spec: jobSpec({ name, image, command, restart }) } },
    status: {},
  });
}
