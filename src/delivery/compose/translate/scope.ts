import type { ProjectFiles } from '../files.ts';
import type { Project, Service } from '../model.ts';
import type { Path } from '../tree.ts';
import type { Problems } from './problems.ts';

export interface TranslateOptions {
  /** Where the contents of secrets and configs are read. */
  files: Pick<ProjectFiles, 'readBytes' | 'isDirectory' | 'exists'>;
  /** What cannot be honoured becomes a warning. */
  lenient?: boolean;
  /** Address of the machine as containers see it: `host-gateway`. */
  hostGateway?: string | undefined;
  /** Ranges of addresses (IPv4) that are the machine's or its cluster's: nobody's `ipv4_address` lies there. */
  takenRanges?: readonly string[] | undefined;
  /**
   * The cluster is one of this machine: bind mounts lie on it, and its nodes and DNS know the annotations of Compose
   * projects. Default: true.
   */
  isLocal?: boolean;
  /** What tells an image of the cluster's own from one that had its name before; undefined where that is not known. */
  imageVersion?: ((image: string) => string | undefined) | undefined;
  /** Services whose containers run once, whatever their restart policy: their end is awaited. */
  runOnce?: ReadonlySet<string>;
  /** For a container that `run` starts beside the service's: it takes over nothing of them. */
  isOneOff?: boolean;
  /** Files that the project was read from, for `compose ls`. */
  configFiles?: readonly string[] | undefined;
  /** As Swarm has it: containers are started again when they end and when their healthcheck fails, unless the file says else. */
  swarm?: boolean;
}

/** What the parts of a translation know. */
export interface Scope {
  project: Project;
  problems: Problems;
  options: TranslateOptions;
}

export interface ServiceScope extends Scope {
  name: string;
  service: Service;
  /** The path of one of the service's keys. */
  at: (...path: (string | number)[]) => Path;
}

export function serviceScope(scope: Scope, name: string): ServiceScope {
  const service = scope.project.services[name];
  if (!service) throw new Error(`there is no service ${name}`);
  return { ...scope, name, service, at: (...path) => ['services', name, ...path] };
}
