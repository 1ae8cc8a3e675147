export interface MetricFamily {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
}

/** Samples by family, as Prometheus reads them (text exposition format 0.0.4). Families without samples are left out. */
export class MetricsText<Name extends string> {
  readonly #families: readonly (MetricFamily & { name: Name })[];
  readonly #samples = new Map<Name, string[]>();

  constructor(families: readonly (MetricFamily & { name: Name })[]) {
    this.#families = families;
  }

  /** Undefined values are none. `timeMs`: epoch milliseconds; without it a sample is of the moment it is asked for. */
  add(name: Name, labels: Readonly<Record<string, string>>, value: number | undefined, timeMs?: number): void {
    if (value === undefined) return;
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`);
    const lines = this.#samples.get(name) ?? [];
    this.#samples.set(name, lines);
    const time = timeMs === undefined ? '' : ` ${timeMs}`;
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}${time}`);
  }

  render(): string {
    const sections = this.#families.flatMap(({ name, type, help }) => {
      const lines = this.#samples.get(name);
      return lines ? [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines] : [];
    });
    return [...sections, ''].join('\n');
  }
}

function escape(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (letter) => (letter === '\n' ? String.raw`\n` : `\\${letter}`));
}
