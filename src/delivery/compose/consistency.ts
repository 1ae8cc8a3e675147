import { isIP } from 'node:net';
import { ComposeError } from './compose-error.ts';
import type { Canonical } from './normalise.ts';
import type { Service } from './model.ts';
import { nearest } from './schema/nearest.ts';
import { locate, type Mapping, type Path } from './tree.ts';

/** Checks what a schema cannot: references, and keys that exclude each other. Throws {@link ComposeError}. */
export function checkConsistency(model: Canonical, tree: Mapping): void {
  const known = Object.keys(model.services);
  for (const [name, service] of Object.entries(model.services)) checkService(model, tree, name, service, known);
  for (const [name, { file, environment, external, content }] of Object.entries(model.secrets)) {
    if (file && environment) throw fail(tree, ['secrets', name], 'file and environment are mutually exclusive');
    if (external || file || environment || content) continue;
    throw fail(tree, ['secrets', name], `secret "${name}" must declare either \`file\` or \`environment\``);
  }
  for (const [name, volume] of Object.entries(model.volumes)) {
    const other = volume.external && Object.keys(volume).find((key) => !/^(?:name|external|x-.*)$/.test(key));
    if (!other) continue;
    throw fail(tree, ['volumes', name, other], `conflicting parameters "external" and "${other}" specified`);
  }
  for (const [name, config] of Object.entries(model.configs)) {
    const sources = [config.file, config.environment, config.content].filter((source) => source !== undefined);
    if (sources.length > 1) {
      throw fail(tree, ['configs', name], 'file, environment and content are mutually exclusive');
    }
    if (sources.length === 0 && !config.external && !config.driver) {
      throw fail(
        tree,
        ['configs', name],
        `config "${name}" must declare either \`file\`, \`environment\` or \`content\``,
      );
    }
  }
  checkCircles(model, tree);
}

function checkService(model: Canonical, tree: Mapping, name: string, service: Service, known: readonly string[]): void {
  const at = (...path: (string | number)[]): Path => ['services', name, ...path];
  const { build, image, provider, deploy, scale } = service;
  if (!build && !image && !provider) {
    throw fail(tree, at(), `service "${name}" has neither an image nor a build context specified`);
  }
  if (build?.dockerfile && build.dockerfile_inline) {
    throw fail(tree, at('build'), 'declares mutually exclusive dockerfile and dockerfile_inline');
  }
  if (service.networks && service.network_mode) {
    throw fail(tree, at('network_mode'), 'declares mutually exclusive `network_mode` and `networks`');
  }
  checkBuild(tree, name, service, known);
  checkTwins(tree, name, service);
  for (const [index, { host_ip: ip }] of (service.ports ?? []).entries()) {
    if (ip && isIP(ip) === 0) throw fail(tree, at('ports', index), `invalid ip address: ${ip}`);
  }
  for (const [index, { path, action, target }] of (service.develop?.watch ?? []).entries()) {
    if (!path) throw fail(tree, at('develop', 'watch', index, 'path'), "value can't be blank");
    if (target || !action.startsWith('sync')) continue;
    throw fail(tree, at('develop', 'watch', index), 'target is required for non-rebuild actions');
  }
  if (service.container_name && (scale ?? deploy?.replicas ?? 1) > 1) {
    throw fail(tree, at('container_name'), "can't set container_name and run several containers");
  }
  for (const network of Object.keys(service.networks ?? {})) {
    if (!(network in model.networks)) {
      throw fail(
        tree,
        at('networks', network),
        `service "${name}" refers to undefined network ${network}${likeOf(network, model.networks)}`,
      );
    }
  }
  for (const [dependency, { required }] of Object.entries(service.depends_on ?? {})) {
    if (dependency === name) throw fail(tree, at('depends_on'), `dependency cycle detected: ${name} -> ${name}`);
    if (!required || known.includes(dependency)) continue;
    throw fail(
      tree,
      at('depends_on', dependency),
      `service "${name}" depends on undefined service "${dependency}"${likeOf(dependency, model.services)}`,
    );
  }
  for (const key of ['network_mode', 'ipc', 'pid'] as const) {
    const mode = service[key];
    if (!mode?.startsWith('service:') || known.includes(mode.slice('service:'.length))) continue;
    throw fail(tree, at(key), `service "${name}" refers to undefined service ${mode.slice('service:'.length)}`);
  }
  checkReferences(model, tree, name, service);
}

function checkBuild(tree: Mapping, name: string, { build, platform }: Service, known: readonly string[]): void {
  const at = (...path: string[]): Path => ['services', name, 'build', ...path];
  const platforms = (build?.['platforms'] ?? []) as string[];
  if (platform && platforms.length > 0 && !platforms.includes(platform)) {
    throw fail(tree, at('platforms'), `service.build.platforms MUST include service.platform "${platform}"`);
  }
  const contexts = (build?.['additional_contexts'] ?? {}) as Record<string, string>;
  for (const [key, context] of Object.entries(contexts)) {
    const [, other] = /^service:(.*)$/.exec(context) ?? [];
    if (other === undefined || known.includes(other)) continue;
    const message = `service "${name}" declares unknown service "${other}" as additional contexts ${key}`;
    throw fail(tree, at('additional_contexts', key), message);
  }
}

/** Keys that say the same as one of `deploy`. */
function checkTwins(tree: Mapping, name: string, service: Service): void {
  const { replicas, resources: { limits = {}, reservations = {} } = {} } = service.deploy ?? {};
  const twins = {
    scale: ['deploy.replicas', replicas],
    cpus: ['deploy.resources.limits.cpus', limits.cpus],
    mem_limit: ['deploy.resources.limits.memory', limits.memory],
    mem_reservation: ['deploy.resources.reservations.memory', reservations.memory],
    pids_limit: ['deploy.resources.limits.pids', limits.pids],
  } as const;
  for (const [key, [twin, value]] of Object.entries(twins)) {
    const own = service[key as keyof typeof twins];
    if (own === undefined || value === undefined || String(own) === String(value)) continue;
    throw fail(tree, ['services', name, key], `can't set distinct values on '${key}' and '${twin}'`);
  }
}

function checkReferences(model: Canonical, tree: Mapping, name: string, service: Service): void {
  const at = (...path: (string | number)[]): Path => ['services', name, ...path];
  const targets = new Set<string>();
  for (const [index, { type, source, target }] of (service.volumes ?? []).entries()) {
    if (type === 'volume' && source && !(source in model.volumes)) {
      throw fail(
        tree,
        at('volumes', index),
        `service "${name}" refers to undefined volume ${source}${likeOf(source, model.volumes)}`,
      );
    }
    if (targets.has(target)) throw fail(tree, at('volumes', index), `${target} is mounted twice`);
    targets.add(target);
  }
  for (const kind of ['configs', 'secrets'] as const) {
    for (const [index, { source }] of (service[kind] ?? []).entries()) {
      if (source in model[kind]) continue;
      throw fail(
        tree,
        at(kind, index),
        `service "${name}" refers to undefined ${kind.slice(0, -1)} ${source}${likeOf(source, model[kind])}`,
      );
    }
  }
  const buildSecrets = (service.build?.secrets ?? []) as { source: string }[];
  for (const [index, { source }] of buildSecrets.entries()) {
    if (source in model.secrets) continue;
    const path = at('build', 'secrets', index);
    throw fail(tree, path, `service "${name}" refers to undefined build secret ${source}`);
  }
  for (const model_ of Object.keys(service.models ?? {})) {
    if (!(model_ in model.models)) {
      throw fail(tree, at('models', model_), `service "${name}" refers to undefined model ${model_}`);
    }
  }
}

function checkCircles(model: Canonical, tree: Mapping): void {
  const done = new Set<string>();
  const visit = (name: string, chain: readonly string[]): void => {
    if (done.has(name)) return;
    if (chain.includes(name)) {
      const circle = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
      throw fail(tree, ['services', name, 'depends_on'], `dependency cycle detected: ${circle}`);
    }
    for (const next of Object.keys(model.services[name]?.depends_on ?? {})) visit(next, [...chain, name]);
    done.add(name);
  };
  for (const name of Object.keys(model.services)) visit(name, []);
}

/** Names of containers, among the services that are selected: others may have them too. Throws {@link ComposeError}. */
export function checkContainerNames({ services }: Pick<Canonical, 'services'>, tree: Mapping): void {
  const seen = new Map<string, string>();
  for (const [name, { container_name: containerName }] of Object.entries(services)) {
    if (!containerName) continue;
    const other = seen.get(containerName);
    if (other) {
      const path = ['services', name, 'container_name'];
      throw fail(tree, path, `container name "${containerName}" is already in use by service ${other}`);
    }
    seen.set(containerName, name);
  }
}

/** What was probably meant. */
function likeOf(word: string, known: object): string {
  const like = nearest(word, Object.keys(known));
  return like === undefined ? '' : ` (${like}?)`;
}

function fail(tree: Mapping, path: Path, message: string): ComposeError {
  return new ComposeError(message, { position: locate(tree, path), path });
}
