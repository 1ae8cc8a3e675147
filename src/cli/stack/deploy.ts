import { tellingTroubles } from '../../delivery/apply/troubles.ts';
import { bringUp } from '../../delivery/compose/run/up.ts';
import { listWorkloads } from '../../delivery/compose/run/workloads.ts';
import { takeDown } from '../../delivery/compose/run/down.ts';
import type { Project, Service } from '../../delivery/compose/model.ts';
import { config } from '../compose/config.ts';
import { requireFile, translateProject, withNamedProject, withProject } from '../compose/connection.ts';
import { refusePortConflicts } from '../compose/port-conflicts.ts';
import { tellTrouble } from './services.ts';
import type { StackFlags } from './stacks.ts';

export interface DeployFlags extends StackFlags {
  composeFile: string[];
  prune?: boolean;
  detach: string | boolean;
  lenient?: boolean;
}

/** `timonel stack deploy -c FILE NAME`: a Compose file as a stack, whose updates keep the old version serving. */
export async function deploy(name: string, flags: DeployFlags): Promise<void> {
  const { composeFile: file, context, kubeconfig } = flags;
  const where = { ...(context && { context }), ...(kubeconfig && { kubeconfig }) };
  await withProject({ file, projectName: name, progress: 'quiet', ...where }, async (session) => {
    const project = startingFirst(requireFile(session).project);
    const translation = await translateProject(session, project, { lenient: flags.lenient ?? false, swarm: true });
    await refusePortConflicts(session, translation.base);
    const before = new Set((await listWorkloads(session.context)).map(({ service }) => service));
    const known = [...Object.keys(project.services), ...Object.keys(project.disabled)];
    const pruned = flags.prune ? [...before].filter((service) => !known.includes(service)) : [];
    for (const service of pruned) process.stdout.write(`Removing service ${name}_${service}\n`);
    for (const service of Object.keys(project.services)) {
      process.stdout.write(`${before.has(service) ? 'Updating' : 'Creating'} service ${name}_${service}\n`);
    }
    const { client, namespace } = session.context;
    const watch = { client, namespace, isOurs: () => true, isOwner: () => true, tell: tellTrouble };
    const options = {
      recreate: 'changed' as const,
      removeOrphans: flags.prune ?? false,
      // Swarm says nothing of them.
      ignoreOrphans: flags.prune !== true,
      wait: isDetached(flags) ? ('nothing' as const) : ('started' as const),
      known,
    };
    await tellingTroubles(isDetached(flags) ? [] : [watch], () =>
      bringUp(session.context, { project, translation }, options),
    );
    session.progress.end();
  });
}

function isDetached({ detach }: DeployFlags): boolean {
  return detach === true || detach === 'true';
}

/** `timonel stack config -c FILE` */
export async function printConfig(flags: { composeFile: string[]; skipInterpolation?: boolean }): Promise<void> {
  await config([], {
    file: flags.composeFile,
    format: 'yaml',
    interpolate: flags.skipInterpolation !== true,
    normalize: true,
    pathResolution: true,
    consistency: true,
    envResolution: true,
  });
}

/** What a file leaves open is done so that there is always somebody who answers: the new containers start first. */
function startingFirst(project: Project): Project {
  const services = Object.entries(project.services).map(([name, service]): [string, Service] => {
    const { update_config: update = {}, ...deploy } = service.deploy ?? {};
    return [name, { ...service, deploy: { ...deploy, update_config: { order: 'start-first', ...update } } }];
  });
  return { ...project, services: Object.fromEntries(services) };
}

/** `timonel stack rm NAME …`. Volumes stay. */
export async function remove(names: readonly string[], flags: StackFlags): Promise<void> {
  const { context, kubeconfig } = flags;
  const where = { ...(context && { context }), ...(kubeconfig && { kubeconfig }) };
  for (const projectName of names) {
    await withNamedProject(projectName, { progress: 'quiet', ...where }, undefined, async (session) => {
      const workloads = await listWorkloads(session.context);
      if (workloads.length === 0) return void process.stderr.write(`Nothing found in stack: ${projectName}\n`);
      for (const { service } of workloads) process.stdout.write(`Removing service ${projectName}_${service}\n`);
      await takeDown(session.context, { volumes: false, graceSeconds: undefined, services: undefined });
      session.progress.end();
    });
  }
}
