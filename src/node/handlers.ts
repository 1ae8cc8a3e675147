import type { Clock } from '../base/clock.ts';
import type { Container, EphemeralContainer, LifecycleHandler, Probe } from '../api/types/core-v1.ts';
import { formatGoDuration } from '../api/go-duration.ts';
import { probeTiming, type PodContainer } from './pod-spec.ts';
import type { ProbeNetwork, ProbeResult } from './probe-network.ts';
import { RuntimeError, type ContainerRuntime } from './runtime.ts';

/** Where a probe or hook goes. */
export interface HandlerTarget {
  container: PodContainer;
  containerId: string;
  /** The pod's address, or the node's for pods in the host's network. */
  ip: string;
}

interface Doors {
  runtime: ContainerRuntime;
  network: ProbeNetwork;
  clock: Clock;
}

/** Makes one probe. Never rejects. */
export async function runProbe(doors: Doors, target: HandlerTarget, probe: Probe): Promise<ProbeResult> {
  const { timeoutMs } = probeTiming(probe);
  const { spec } = target.container;
  if (probe.exec) return execProbe(doors, target, { command: probe.exec.command ?? [], timeoutMs });
  if (probe.httpGet) {
    const { host, path, scheme, httpHeaders, port } = probe.httpGet;
    const number = portNumber(spec, port);
    if (number === undefined) return { kind: 'unknown', output: `couldn't resolve port ${JSON.stringify(port)}` };
    return doors.network.http({
      scheme: scheme === 'HTTPS' ? 'https' : 'http',
      host: host || target.ip,
      port: number,
      path: path ?? '/',
      headers: httpHeaders ?? [],
      timeoutMs,
    });
  }
  if (probe.tcpSocket) {
    const { host, port } = probe.tcpSocket;
    const number = portNumber(spec, port);
    if (number === undefined) return { kind: 'unknown', output: `couldn't resolve port ${JSON.stringify(port)}` };
    return doors.network.tcp({ host: host || target.ip, port: number, timeoutMs });
  }
  if (probe.grpc) {
    const { port, service = '' } = probe.grpc;
    return doors.network.grpc({ host: target.ip, port, service, timeoutMs });
  }
  return { kind: 'unknown', output: 'missing probe handler' };
}

async function execProbe(
  doors: Doors,
  target: HandlerTarget,
  exec: { command: readonly string[]; timeoutMs: number },
): Promise<ProbeResult> {
  try {
    const result = await doors.runtime.execSync(target.containerId, exec.command, Math.ceil(exec.timeoutMs / 1000));
    const output = Buffer.concat([result.stdout, result.stderr])
      .toString('utf8')
      .slice(0, 10 * 1024);
    return { kind: result.exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'timeout') {
      const words = exec.command.join(' ');
      const after = formatGoDuration(exec.timeoutMs * 1e6);
      return { kind: 'failure', output: `command timed out: ${JSON.stringify(words)} timed out after ${after}` };
    }
    return { kind: 'unknown', output: (error as Error).message };
  }
}

/** Runs a postStart or preStop hook to its end. Rejects when it failed. */
export async function runHook(doors: Doors, target: HandlerTarget, handler: LifecycleHandler): Promise<void> {
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { exitCode, stdout, stderr } = await doors.runtime.execSync(target.containerId, command, 0);
    if (exitCode === 0) return;
    const output = Buffer.concat([stdout, stderr]).toString('utf8').slice(0, 1024);
    throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
  }
  if (handler.sleep) return doors.clock.sleep(handler.sleep.seconds * 1000);
  if (handler.httpGet) {
    const { host, path, scheme, httpHeaders, port } = handler.httpGet;
    const number = portNumber(target.container.spec, port);
    if (number === undefined) throw new Error(`couldn't resolve port ${JSON.stringify(port)}`);
    const result = await doors.network.http({
      scheme: scheme === 'HTTPS' ? 'https' : 'http',
      host: host || target.ip,
      port: number,
      path: path ?? '/',
      headers: httpHeaders ?? [],
      timeoutMs: 600_000,
    });
    if (result.kind === 'failure') throw new Error(result.output);
    return;
  }
  if (handler.tcpSocket) return;
  throw new Error('invalid handler: no action');
}

/** A port by its number or by the name that the container gives it. */
function portNumber(spec: Container | EphemeralContainer, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  return spec.ports?.find((p) => p.name === port)?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}
