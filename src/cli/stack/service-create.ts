import { randomBytes } from 'node:crypto';
import { isApiError } from '../../api/status.ts';
import { configMaps, namespaces, secrets } from '../../client/resources.ts';
import type { Project, Service } from '../../delivery/compose/model.ts';
import { bringUp } from '../../delivery/compose/run/up.ts';
import { namespaceOf, type Translation } from '../../delivery/compose/translate/translate.ts';
import { type ProjectSession, translateProject, withNamedProject } from '../compose/connection.ts';
import { refusePortConflicts } from '../compose/port-conflicts.ts';
import { CliError } from '../errors.ts';
import { type CreateFlags, serviceOf } from './service-flags.ts';
import { converged } from './services.ts';
import { fullName, loneStack, type StackFlags, stackServices } from './stacks.ts';

export interface ServiceCreateFlags extends CreateFlags, StackFlags {
  name?: string;
  detach?: boolean;
}

/** `timonel service create IMAGE [COMMAND…]`: a service of no stack. */
export async function createService(image: string, command: string[], flags: ServiceCreateFlags): Promise<void> {
  const name = flags.name ?? `service-${randomBytes(4).toString('hex')}`;
  if (!/^[a-zA-Z0-9][-a-zA-Z0-9_.]*$/.test(name))
    throw new CliError(`name must be valid as a DNS name component: ${name}`);
  const service = serviceOf({ image, command }, flags, process.env);
  await withNamedProject(loneStack, { ...flags, progress: 'quiet' }, undefined, async (session) => {
    const { client } = session.context;
    const others = (await stackServices(client)).map((each) => fullName(each));
    if (others.includes(name))
      throw new CliError(`name conflicts with an existing object: service ${name} already exists`);
    const project = projectOf(name, service);
    const translation = await translateProject(session, project, { swarm: true });
    await requireFiles(session, translation, service);
    await refusePortConflicts(session, translation.base);
    await bringUp(
      session.context,
      { project, translation },
      { recreate: 'changed', removeOrphans: false, ignoreOrphans: true, wait: 'nothing', known: [name] },
    );
    const made = (await stackServices(client)).find((each) => fullName(each) === name);
    if (!made) throw new CliError(`service ${name} was removed meanwhile`);
    process.stdout.write(`${made.id}\n`);
    await converged(client, made, flags);
  });
}

/** The services of no stack are one project; this is what it says of one of them. */
export function projectOf(name: string, service: Service): Project {
  const named = (keys: readonly string[], external: boolean): Record<string, { name: string; external: boolean }> =>
    Object.fromEntries(keys.map((key) => [key, { name: external ? key : `${loneStack}_${key}`, external }]));
  const sources = (references: Service['secrets']): string[] => (references ?? []).map(({ source }) => source);
  const volumes = (service.volumes ?? []).flatMap(({ type, source }) => (type === 'volume' && source ? [source] : []));
  return {
    ...{ name: loneStack, directory: '/', services: { [name]: service } },
    networks: named(Object.keys(service.networks ?? {}), false),
    volumes: named(volumes, false),
    secrets: named(sources(service.secrets), true),
    configs: named(sources(service.configs), true),
    ...{ models: {}, extensions: {}, disabled: {}, environment: {} },
  };
}

/** Containers would wait for ever for secrets and configs that nobody has made. */
async function requireFiles(
  { context: { client } }: ProjectSession,
  translation: Translation,
  service: Service,
): Promise<void> {
  const namespace = namespaceOf(loneStack);
  const wanted = [
    ...(service.secrets ?? []).map(({ source }) => ({
      kind: 'secret',
      make: 'secret generic',
      resource: secrets,
      source,
    })),
    ...(service.configs ?? []).map(({ source }) => ({
      kind: 'config',
      make: 'configmap',
      resource: configMaps,
      source,
    })),
  ];
  for (const { kind, make, resource, source } of wanted) {
    try {
      await client.get(resource, { name: source, namespace });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      // Where they are to be made.
      const [home] = translation.base;
      if (home) await client.create(namespaces, home).catch(() => undefined);
      throw new CliError(`${kind} not found: ${source}`, {
        hint: `Make it: timonel create ${make} ${source} -n ${namespace} --from-file=${source}=FILE`,
        cause: error,
      });
    }
  }
}
