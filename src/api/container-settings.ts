/**
 * The annotation of pods of Compose projects that says, as JSON of {@link ContainerSettings}, what containers have no
 * field for. This project's agent goes by it, others pass it over.
 */
export const containerSettingsAnnotation = 'timonel.dev/container-settings';

/** Limits of bytes or operations in a second, for a block device of the node. */
export interface DeviceRate {
  path: string;
  rate: number;
}

export const deviceLimits = ['read_bps', 'read_iops', 'write_bps', 'write_iops'] as const;
type DeviceLimit = (typeof deviceLimits)[number];

export interface FileOwner {
  uid?: number;
  gid?: number;
}

/** Linux namespaces that containers of different pods may have in common. With the network goes the host's name. */
export type SharedNamespace = 'network' | 'pid' | 'ipc';

export interface ContainerSettings {
  /** By their names without `RLIMIT_`, in lower case; -1: no limit. */
  ulimits?: Readonly<Record<string, { soft: number; hard: number }>>;
  /** Processes and threads at once. */
  pidsLimit?: number;
  /** `0-2,4`: processors. */
  cpuset?: string;
  /** 0 to 1000: nobody makes himself untouchable. */
  oomScoreAdj?: number;
  deviceRates?: Readonly<Partial<Record<DeviceLimit, readonly DeviceRate[]>>>;
  /** Further groups by their names in the image's /etc/group. */
  groups?: readonly string[];
  /** Mount paths of volumes that get, while they are empty and may be written, what the image has there. */
  filledFromImage?: readonly string[];
  /**
   * Volumes without a name: of this service, which the next container that has the same owner takes over. By the names
   * of emptyDir volumes: where they are mounted. Those of the image (`VOLUME`) are kept with them.
   */
  anonymousVolumes?: { owner: string; volumes?: Readonly<Record<string, string>> };
  /** By the names of volumes and, in them, of files that come from secrets and config maps: whose they are. */
  fileOwners?: Readonly<Record<string, Readonly<Record<string, FileOwner>>>>;
  /** The image's own healthcheck is the readiness probe; what is given here takes the place of its own. */
  imageHealthcheck?: Partial<Healthcheck>;
  /**
   * The readiness probe is a healthcheck, whose failures do not count for so many seconds: whether it fails as often as
   * it may is told by {@link unhealthyCondition}.
   */
  healthStartPeriod?: number;
  /**
   * Namespaces that are not the container's own but those of another pod's container: of the pod in the same namespace
   * of the API, on the same node, that has these labels. Without such a pod on the node this one is deleted, so that
   * its owner makes another where there is one.
   */
  joins?: Readonly<Partial<Record<SharedNamespace, Readonly<Record<string, string>>>>>;
}

/** A healthcheck as images have it (`HEALTHCHECK` of a Dockerfile): seconds, 0 or absent for Docker's defaults. */
export interface Healthcheck {
  command: readonly string[];
  interval?: number;
  timeout?: number;
  retries?: number;
  startPeriod?: number;
  startInterval?: number;
}

/** Condition of pods whose image has a healthcheck that is looked at; its message is the {@link Healthcheck} as JSON. */
export const imageHealthcheckCondition = 'timonel.dev/ImageHealthcheck';

/** Condition of pods whose healthcheck has failed as often in a row as it may (`unhealthy`, as Docker has it). */
export const unhealthyCondition = 'timonel.dev/Unhealthy';
