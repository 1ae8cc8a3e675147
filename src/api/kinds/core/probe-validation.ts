import { portName } from '../../names.ts';
import type {
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
  TCPSocketAction,
} from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { stopSignals, windowsStopSignals } from '../../stop-signals.ts';
import { nonNegative } from '../checks.ts';
import { validatePortNumber } from '../ports.ts';

const schemes = ['HTTP', 'HTTPS'];
const headerPattern = /^[-A-Za-z0-9]+$/;

/** `once`: a success is believed at once, as liveness and startup probes have it. */
export function validateProbe(causes: StatusCause[], probe: Probe, path: string, kind: 'once' | 'readiness'): void {
  validateHandler(causes, probe, path);
  nonNegative(causes, `${path}.initialDelaySeconds`, probe.initialDelaySeconds);
  nonNegative(causes, `${path}.timeoutSeconds`, probe.timeoutSeconds);
  nonNegative(causes, `${path}.periodSeconds`, probe.periodSeconds);
  nonNegative(causes, `${path}.successThreshold`, probe.successThreshold);
  nonNegative(causes, `${path}.failureThreshold`, probe.failureThreshold);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    causes.push(invalidValue(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  }
  if (kind === 'once' && probe.successThreshold !== 1) {
    causes.push(invalidValue(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  }
  if (kind === 'readiness' && grace !== undefined) {
    const rule = 'must not be set for readinessProbes';
    causes.push(invalidValue(`${path}.terminationGracePeriodSeconds`, grace, rule));
  }
}

/** `os`: the pod's `spec.os.name`. */
export function validateLifecycle(
  causes: StatusCause[],
  { postStart, preStop, stopSignal }: Lifecycle,
  { path, os }: { path: string; os: string | undefined },
): void {
  if (postStart) validateHandler(causes, postStart, `${path}.postStart`);
  if (preStop) validateHandler(causes, preStop, `${path}.preStop`);
  if (stopSignal === undefined) return;
  if (!os) {
    return void causes.push(forbidden(`${path}.stopSignal`, 'may not be set for containers with empty `spec.os.name`'));
  }
  const known = os === 'windows' ? windowsStopSignals : [...stopSignals.keys()];
  if (!known.includes(stopSignal)) causes.push(notSupported(`${path}.stopSignal`, stopSignal, known.toSorted()));
}

interface Handler extends Pick<LifecycleHandler, 'sleep'> {
  exec?: ExecAction;
  httpGet?: HTTPGetAction;
  tcpSocket?: TCPSocketAction;
  grpc?: GRPCAction;
}

function validateHandler(causes: StatusCause[], handler: Handler, path: string): void {
  let handlers = 0;
  for (const field of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const) {
    if (handler[field] === undefined) continue;
    if (handlers++ > 0) causes.push(forbidden(`${path}.${field}`, 'may not specify more than 1 handler type'));
  }
  if (handlers === 0) causes.push(required(path, 'must specify a handler type'));
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  if (exec && !exec.command?.length) causes.push(required(`${path}.exec.command`, ''));
  if (httpGet) validateHttpGet(causes, httpGet, `${path}.httpGet`);
  if (tcpSocket) validatePort(causes, tcpSocket.port, `${path}.tcpSocket.port`);
  if (grpc) validatePortNumber(causes, `${path}.grpc.port`, grpc.port);
  if (sleep && sleep.seconds < 0) {
    causes.push(invalidValue(`${path}.sleep`, sleep.seconds, 'must be greater than or equal to 0'));
  }
}

function validateHttpGet(causes: StatusCause[], action: HTTPGetAction, path: string): void {
  const { path: url, port, scheme = '', httpHeaders } = action;
  if (!url) causes.push(required(`${path}.path`, ''));
  validatePort(causes, port, `${path}.port`);
  if (!schemes.includes(scheme)) causes.push(notSupported(`${path}.scheme`, scheme, schemes));
  httpHeaders?.forEach(({ name }, index) => {
    if (headerPattern.test(name)) return;
    const rule =
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for " +
      "validation is '[-A-Za-z0-9]+')";
    causes.push(invalidValue(`${path}.httpHeaders[${index}].name`, name, rule));
  });
}

function validatePort(causes: StatusCause[], port: number | string, path: string): void {
  if (typeof port === 'number') validatePortNumber(causes, path, port);
  else for (const text of portName(port ?? '')) causes.push(invalidValue(path, port, text));
}
