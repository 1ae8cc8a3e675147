import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Entrance } from '../../network/ingress/config-text.ts';
import { endProcess, readProcessFile, removeProcessFile, writeProcessFile } from '../../node/process-file.ts';
import { clusterPaths } from '../state.ts';

interface IngressPaths {
  directory: string;
  runtimeSocket: string;
  jail: string;
  accessLog: string;
  /** The ports that were chosen: they stay the same as long as they can be had. */
  portsFile: string;
  /** Has a file for each process: those that were replaced go on until their requests have ended. */
  pidDirectory: string;
}

export function ingressPaths(cluster: string): IngressPaths {
  const { data, run } = clusterPaths(cluster).directories;
  const directory = join(data, 'ingress');
  return {
    directory,
    accessLog: join(directory, 'access.log'),
    portsFile: join(directory, 'ports.json'),
    runtimeSocket: join(run, 'ingress.sock'),
    jail: join(run, 'ingress-root'),
    pidDirectory: run,
  };
}

export async function stopIngress(cluster: string, clock: Clock): Promise<void> {
  await Promise.all(processFiles(cluster).map((file) => endProcess(file, clock)));
}

/** One for each process, of which some may have ended. */
function processFiles(cluster: string): string[] {
  const { pidDirectory } = ingressPaths(cluster);
  if (!existsSync(pidDirectory)) return [];
  const names = readdirSync(pidDirectory).filter((name) => /^ingress-\d+\.pid$/.test(name));
  return names.map((name) => join(pidDirectory, name));
}

export function rememberProcess(cluster: string, pid: number): void {
  for (const file of processFiles(cluster)) if (readProcessFile(file) === undefined) removeProcessFile(file);
  writeProcessFile(join(ingressPaths(cluster).pidDirectory, `ingress-${pid}.pid`), pid);
}

export function isIngressRunning(cluster: string): boolean {
  return processFiles(cluster).some((file) => readProcessFile(file) !== undefined);
}

export interface Ports {
  entrances: readonly Entrance[];
  /** Of the metrics, on 127.0.0.1. */
  metrics?: number;
}

/** Where the ingresses of a cluster are served; undefined before the first one has appeared. */
export function readPorts(cluster: string): Ports | undefined {
  try {
    return JSON.parse(readFileSync(ingressPaths(cluster).portsFile, 'utf8')) as Ports;
  } catch {
    return undefined;
  }
}

export function urlsOf({ clearPort, tlsPort }: Entrance): string[] {
  const port = (number: number, usual: number): string => (number === usual ? '' : `:${number}`);
  return [`http://localhost${port(clearPort, 80)}`, `https://localhost${port(tlsPort, 443)}`];
}
