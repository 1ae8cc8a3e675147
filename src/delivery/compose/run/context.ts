import type { KubeObject } from '../../../api/object.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';
import type { Informers } from '../../../client/informers.ts';
import type { ApplyContext } from '../../apply/applier.ts';
import type { ResourceMapper } from '../../apply/resource-mapper.ts';
import { volumeLabel } from '../translate/names.ts';

/** One thing that a command does, as it is told: ` Container web  Started`. */
export interface Step {
  what: string;
  name: string;
  status: string;
  /** What is being done ends with another step of the same thing. */
  state: 'working' | 'done' | 'failed';
}

/** A project in a cluster, and how commands on it talk to both. */
export interface ProjectContext {
  client: Client;
  mapper: ResourceMapper;
  clock: Clock;
  informers: Informers;
  namespace: string;
  /** As the file has it. */
  project: string;
  /** The cluster is one of this machine's, whose agents know what is asked of them by annotations. */
  isLocal: boolean;
  signal?: AbortSignal | undefined;
  report: (step: Step) => void;
  warn: (message: string) => void;
}

export function applyContext({ client, mapper, clock, namespace, signal }: ProjectContext): ApplyContext {
  return { client, mapper, clock, namespace, fieldManager: 'timonel-compose', ...(signal && { signal }) };
}

/** A volume as docker compose names it: with the project's name before it. */
export function volumeName({ project }: ProjectContext, { metadata }: KubeObject): string {
  return `${project}_${metadata.labels?.[volumeLabel] ?? metadata.name}`;
}

/** A command on a project that cannot be done, in a sentence. */
export class ProjectError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ProjectError';
    this.exitCode = options.exitCode ?? 1;
  }
}
