import { quantityToMilli, quantityToNumber } from '../../../api/quantity.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Probe,
  ResourceFieldSelector,
} from '../../../api/types/core-v1.ts';
import { capital, indent, type Lines, longTime, sorted } from './fields.ts';

/** Containers of a pod or of a template, with the statuses of those that have one. */
export function containerLines(
  title: string,
  containers: readonly Container[],
  { statuses = [], margin = 0 }: { statuses?: readonly ContainerStatus[]; margin?: number } = {},
): Lines {
  const space = ' '.repeat(margin);
  const lines = containers.flatMap((container) => {
    const status = statuses.find(({ name }) => name === container.name);
    return [`  ${margin > 0 ? ' ' : ''}${container.name}:`, ...indent(oneContainer(container, status), 4)];
  });
  return [`${space}${title}:${containers.length === 0 ? ' <none>' : ''}`, ...lines];
}

function oneContainer(container: Container, status: ContainerStatus | undefined): Lines {
  const { image = '', ports = [], command = [], args = [], resources = {}, envFrom = [], env = [] } = container;
  const own = ports.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`).join(', ');
  const host = ports.map(({ hostPort = 0, protocol = 'TCP' }) => `${hostPort}/${protocol}`).join(', ');
  const plural = ports.length > 1 ? 's' : '';
  return [
    ...(status ? [`Container ID:\t${status.containerID ?? ''}`] : []),
    `Image:\t${image}`,
    ...(status ? [`Image ID:\t${status.imageID ?? ''}`] : []),
    `Port${plural}:\t${own || '<none>'}`,
    `Host Port${plural}:\t${host || '<none>'}`,
    ...words('Command', command),
    ...words('Args', args),
    ...(status ? statusLines(status) : []),
    ...amounts('Limits', resources.limits),
    ...amounts('Requests', resources.requests),
    ...probeLine('Liveness', container.livenessProbe),
    ...probeLine('Readiness', container.readinessProbe),
    ...probeLine('Startup', container.startupProbe),
    ...(envFrom.length > 0
      ? [
          'Environment Variables from:',
          ...envFrom.map(({ configMapRef, secretRef, prefix }) => {
            const from = configMapRef ?? secretRef;
            const with_ = prefix ? ` with prefix '${prefix}'` : '';
            return `  ${from?.name}\t${configMapRef ? 'ConfigMap' : 'Secret'}${with_}\tOptional: ${from?.optional ?? false}`;
          }),
        ]
      : []),
    `Environment:${env.length === 0 ? '\t<none>' : ''}`,
    ...indent(
      env.flatMap((variable) => environmentLines(variable, container)),
      2,
    ),
    ...mountLines(container),
  ];
}

function words(title: string, list: readonly string[]): Lines {
  if (list.length === 0) return [];
  return [`${title}:`, ...list.flatMap((word) => word.split('\n').map((line) => `  ${line}`))];
}

function amounts(title: string, list: Record<string, string> | undefined): Lines {
  if (!list || Object.keys(list).length === 0) return [];
  return [`${title}:`, ...sorted(list).map(([name, amount]) => `  ${name}:\t${amount}`)];
}

function statusLines({ state = {}, lastState = {}, ready, restartCount }: ContainerStatus): Lines {
  return [
    ...stateLines('State', state),
    ...(lastState.terminated ? stateLines('Last State', lastState) : []),
    `Ready:\t${capital(ready)}`,
    `Restart Count:\t${restartCount}`,
  ];
}

function stateLines(title: string, { running, waiting, terminated }: ContainerState): Lines {
  if (running) return [`${title}:\tRunning`, `  Started:\t${longTime(running.startedAt)}`];
  if (!terminated) return [`${title}:\tWaiting`, ...(waiting?.reason ? [`  Reason:\t${waiting.reason}`] : [])];
  const { reason, message, exitCode, signal, startedAt, finishedAt } = terminated;
  return [
    `${title}:\tTerminated`,
    ...(reason ? [`  Reason:\t${reason}`] : []),
    ...(message ? [`  Message:\t${message}`] : []),
    `  Exit Code:\t${exitCode}`,
    ...(signal ? [`  Signal:\t${signal}`] : []),
    `  Started:\t${longTime(startedAt)}`,
    `  Finished:\t${longTime(finishedAt)}`,
  ];
}

function probeLine(title: string, probe: Probe | undefined): Lines {
  return probe ? [`${title}:\t${probeText(probe)}`] : [];
}

function probeText(probe: Probe): string {
  const {
    initialDelaySeconds = 0,
    timeoutSeconds = 1,
    periodSeconds = 10,
    successThreshold = 1,
    failureThreshold = 3,
  } = probe;
  const times = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec) return `exec [${(exec.command ?? []).join(' ')}] ${times}`;
  if (httpGet) {
    const { scheme = 'HTTP', host = '', port, path = '' } = httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path} ${times}`;
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port} ${times}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ''} ${times}`;
  return `unknown ${times}`;
}

function environmentLines({ name, value = '', valueFrom }: EnvVar, container: Container): Lines {
  if (!valueFrom) return value.split('\n').map((line, i) => (i === 0 ? `${name}:\t${line}` : `\t${line}`));
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef) return [`${name}:\t (${fieldRef.apiVersion ?? 'v1'}:${fieldRef.fieldPath})`];
  if (resourceFieldRef)
    return [`${name}:\t${resourceAmount(resourceFieldRef, container)} (${resourceFieldRef.resource})`];
  if (secretKeyRef) {
    const { key, name: secret, optional = false } = secretKeyRef;
    return [`${name}:\t<set to the key '${key}' in secret '${secret}'>\tOptional: ${optional}`];
  }
  if (!configMapKeyRef) return [];
  const { key, name: map, optional = false } = configMapKeyRef;
  return [`${name}:\t<set to the key '${key}' of config map '${map}'>\tOptional: ${optional}`];
}

function mountLines({ volumeMounts = [] }: Container): Lines {
  if (volumeMounts.length === 0) return ['Mounts:\t<none>'];
  const byPath = volumeMounts.toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1));
  const lines = byPath.map(({ mountPath, name, readOnly, subPath }) => {
    return `  ${mountPath} from ${name} (${readOnly ? 'ro' : 'rw'}${subPath ? `,path="${subPath}"` : ''})`;
  });
  return ['Mounts:', ...lines];
}

/** What a variable gets of `limits.cpu`: whole units of the divisor, rounded up; nothing without a limit. */
function resourceAmount({ resource, divisor }: ResourceFieldSelector, { resources = {} }: Container): string {
  const [list, name = ''] = resource.split('.', 2);
  const amount = (list === 'limits' ? resources.limits : resources.requests)?.[name];
  if (amount === undefined) return '0';
  const unit = divisor && divisor !== '0' ? divisor : '1';
  const units =
    name === 'cpu'
      ? quantityToMilli(amount) / quantityToMilli(unit)
      : quantityToNumber(amount) / quantityToNumber(unit);
  return String(Math.ceil(units));
}
