/** A chart in memory: what a chart's directory or archive says, and nothing about a release. */
export interface Chart {
  metadata: ChartMetadata;
  lock?: ChartLock;
  /** Files below `templates/`, named from the chart's root, in the order in which they were read. */
  templates: ChartFile[];
  /** `values.yaml`, as it was read. */
  values: Values;
  /** `values.schema.json` */
  schema?: Uint8Array;
  /** All other files, those in `crds/` among them. */
  files: ChartFile[];
  /** Everything, as it was read: what `package` and `show` need. */
  raw: ChartFile[];
  dependencies: Chart[];
  /** When `Chart.yaml` and the schema were modified, in epoch milliseconds. */
  modified?: number;
  schemaModified?: number;
}

export interface ChartFile {
  /** With slashes, from the chart's root. */
  name: string;
  data: Uint8Array;
  /** Epoch milliseconds; undefined where nobody knows. */
  modified?: number;
}

/** Values of a chart: JSON-like objects (see `template/values.ts` for what they may hold). */
export type Values = Record<string, unknown>;

/** `Chart.yaml`, with its own names (Helm documentation, "The Chart.yaml File"). */
export interface ChartMetadata {
  name: string;
  home?: string;
  sources?: string[];
  version: string;
  description?: string;
  keywords?: string[];
  maintainers?: Maintainer[];
  icon?: string;
  apiVersion: 'v1' | 'v2';
  condition?: string;
  tags?: string;
  appVersion?: string;
  deprecated?: boolean;
  annotations?: Record<string, string>;
  kubeVersion?: string;
  dependencies?: Dependency[];
  type?: string;
}

export interface Maintainer {
  name: string;
  email?: string;
  url?: string;
}

export interface Dependency {
  name: string;
  version?: string;
  repository: string;
  condition?: string;
  tags?: string[];
  enabled?: boolean;
  'import-values'?: unknown[];
  alias?: string;
}

export interface ChartLock {
  /** RFC 3339 */
  generated: string;
  digest: string;
  dependencies: Pick<Dependency, 'name' | 'version' | 'repository'>[];
}

/** A chart that cannot be read or is not valid; the message is for a person. */
export class ChartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ChartError';
  }
}

export function isLibrary({ metadata }: Chart): boolean {
  return metadata.type?.toLowerCase() === 'library';
}

/** Files of `crds/`, subcharts' included, in the order in which they are installed. */
export function crdsOf(chart: Chart, above = ''): { file: ChartFile; path: string }[] {
  const place = `${above}${chart.metadata.name}/`;
  const own = chart.files.filter(({ name }) => name.startsWith('crds/') && /\.(?:ya?ml|json)$/.test(name));
  return [
    ...own.map((file) => ({ file, path: `${place}${file.name}` })),
    ...chart.dependencies.flatMap((subchart) => crdsOf(subchart, `${place}charts/`)),
  ];
}

/** A file's text. Bytes that are no UTF-8 become U+FFFD. */
export function textOf({ data }: ChartFile): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // A byte order mark is not part of the text.
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
