import type { Container, ContainerPort, EnvVar, Lifecycle } from '../../../api/types/core-v1.ts';
import type { Hook, Port, Service } from '../model.ts';
import { objectName } from './names.ts';
import { probesOf } from './probes.ts';
import { resourcesOf } from './resources.ts';
import type { ServiceScope } from './scope.ts';
import { securityContextOf } from './security.ts';

/** The image that a service runs: the one it names, or the one it builds (docker compose's name for it). */
export function imageOf(project: string, name: string, service: Service): string {
  return service.image ?? `${project}-${name}`;
}

/** A service's container without its mounts. */
export function containerOf(scope: ServiceScope): Container {
  const { service, name, project } = scope;
  return {
    name: objectName(name),
    image: imageOf(project.name, name, service),
    imagePullPolicy: pullPolicy(scope),
    ...commandOf(scope),
    workingDir: service.working_dir,
    env: environmentOf(service.environment),
    ports: containerPorts(service),
    resources: resourcesOf(scope),
    ...probesOf(scope),
    lifecycle: lifecycleOf(scope),
    securityContext: securityContextOf(scope),
    stdin: service.stdin_open,
    tty: service.tty,
  };
}

/**
 * Docker's ENTRYPOINT is `command`, its CMD is `args`; `$(` begins a reference in Kubernetes and none in Compose. An
 * entrypoint that is cleared leaves the command alone.
 */
function commandOf({ service, problems, at }: ServiceScope): Pick<Container, 'command' | 'args'> {
  const { entrypoint, command } = service;
  const words = (list: readonly string[] | undefined): string[] | undefined =>
    list && list.length > 0 ? list.map(withoutReferences) : undefined;
  if (entrypoint?.length === 0) {
    if (!words(command)) problems.refuse(at('entrypoint'), "clears the image's entrypoint, and there is no command");
    return { command: words(command) };
  }
  if (command?.length === 0 && entrypoint === undefined) {
    problems.refuse(
      at('command'),
      "clears the image's command, which a pod can only replace: give an entrypoint as well",
    );
  }
  return { command: words(entrypoint), args: words(command) };
}

function withoutReferences(text: string): string {
  return text.replaceAll('$(', () => '$$(');
}

function environmentOf(environment: Record<string, string | null> | undefined): EnvVar[] | undefined {
  const set = Object.entries(environment ?? {}).filter(([, value]) => value !== null);
  if (set.length === 0) return undefined;
  return set.map(([name, value]) => ({ name, value: withoutReferences(value ?? '') }));
}

function pullPolicy({ service, problems, at }: ServiceScope): string {
  switch (service.pull_policy) {
    case undefined:
    case 'missing':
    case 'if_not_present':
    case 'build':
      return 'IfNotPresent';
    case 'always':
      return 'Always';
    case 'never':
      return 'Never';
    default:
      problems.warn(at('pull_policy'), 'nodes do not know the age of an image: it is asked for whenever a pod starts');
      return 'Always';
  }
}

/** A Service of more ports is larger than what an API server takes. */
export const maxPorts = 1000;

/** The ports that a service publishes, as many as there may be. */
export function portsOf({ ports = [] }: Service): Port[] {
  return ports.slice(0, maxPorts);
}

/** Ports that the file tells of: exposed and published ones. Informative, as in Docker. */
export function knownPorts(service: Service): { port: number; protocol: string }[] {
  const exposed = (service.expose ?? []).flatMap(exposedPorts);
  const published = portsOf(service).map(({ target, protocol }) => ({
    port: target,
    protocol: protocol || 'tcp',
  }));
  const seen = new Map([...exposed, ...published].map((each) => [`${each.port}/${each.protocol}`, each]));
  return [...seen.values()].slice(0, maxPorts);
}

/** `8080`, `8000-8010`, `53/udp` */
function exposedPorts(text: string): { port: number; protocol: string }[] {
  const [, first = '', last = first, protocol = 'tcp'] = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(text.trim()) ?? [];
  const count = first === '' ? 0 : Math.min(Number(last) - Number(first) + 1, maxPorts);
  return Array.from({ length: Math.max(0, count) }, (_, i) => ({ port: Number(first) + i, protocol }));
}

function containerPorts(service: Service): ContainerPort[] | undefined {
  const ports = knownPorts(service).map(({ port, protocol }) => ({
    containerPort: port,
    protocol: protocol.toUpperCase(),
  }));
  return ports.length > 0 ? ports : undefined;
}

function lifecycleOf(scope: ServiceScope): Lifecycle | undefined {
  const { service, problems, at } = scope;
  const stopping = [...(service.pre_stop ?? []).map((hook, i) => hookCommand(scope, hook, ['pre_stop', i]))];
  const signal = signalName(service.stop_signal);
  if (signal && service.init) {
    problems.refuse(at('stop_signal'), 'cannot be sent beside `init`, which takes the place of the first process');
  } else if (signal) {
    // The shell ends with the container's first process; what that does not do in its grace period is cut short.
    stopping.push(['/bin/sh', '-c', `kill -s ${signal} 1; while kill -0 1 2>/dev/null; do sleep 0.1; done`]);
  }
  const starting = (service.post_start ?? []).map((hook, i) => hookCommand(scope, hook, ['post_start', i]));
  const handler = (commands: string[][]): Lifecycle['preStop'] =>
    commands.length > 0 ? { exec: { command: oneAfterAnother(commands) } } : undefined;
  const lifecycle = { postStart: handler(starting), preStop: handler(stopping) };
  return lifecycle.postStart || lifecycle.preStop ? lifecycle : undefined;
}

/** Undefined for SIGTERM, which is what is sent anyway. */
function signalName(signal: string | undefined): string | undefined {
  const name = signal?.toUpperCase().replace(/^SIG/, '');
  return !name || name === 'TERM' || name === '15' || !/^[A-Z0-9+-]+$/.test(name) ? undefined : name;
}

function hookCommand({ problems, at }: ServiceScope, hook: Hook, path: (string | number)[]): string[] {
  if (hook.user) problems.refuse(at(...path, 'user'), "a hook runs as the container's own user");
  if (hook.privileged) problems.refuse(at(...path, 'privileged'), "a hook has the container's own privileges");
  const set = Object.entries(hook.environment ?? {}).filter(([, value]) => value !== null);
  const assigned = set.length > 0 ? ['env', ...set.map(([key, value]) => `${key}=${value}`)] : [];
  const words = [...assigned, ...hook.command];
  if (!hook.working_dir) return words;
  return ['/bin/sh', '-c', 'cd "$0" && exec "$@"', hook.working_dir, ...words];
}

function oneAfterAnother(commands: readonly string[][]): string[] {
  const [only] = commands;
  if (commands.length === 1 && only) return only;
  return ['/bin/sh', '-c', commands.map((words) => words.map(quote).join(' ')).join(' && ')];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
