/** Upper bounds of upstream's latency histogram, in seconds, thinned out. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];

export interface RequestLabels {
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** `resource`, `namespace`, `cluster` or ''. */
  scope: string;
}

interface Series {
  labels: string;
  codes: Map<number, number>;
  counts: number[];
  count: number;
  sum: number;
}

export interface GaugeValue {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** What the server counts of itself, for Prometheus (text exposition format 0.0.4). */
export class Metrics {
  readonly #series = new Map<string, Series>();
  readonly #gauges: { name: string; help: string; values: () => Iterable<GaugeValue> }[] = [];

  gauge(name: string, help: string, value: () => number): void {
    this.gauges(name, help, () => [{ labels: {}, value: value() }]);
  }

  gauges(name: string, help: string, values: () => Iterable<GaugeValue>): void {
    this.#gauges.push({ name, help, values });
  }

  observe(labels: RequestLabels, code: number, seconds: number): void {
    const key = `${labels.verb} ${labels.group} ${labels.version} ${labels.resource} ${labels.subresource} ${labels.scope}`;
    let series = this.#series.get(key);
    if (!series) {
      const counts = Array.from({ length: buckets.length }, () => 0);
      series = { labels: format(labels), codes: new Map(), counts, count: 0, sum: 0 };
      this.#series.set(key, series);
    }
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    series.count++;
    series.sum += seconds;
    const bucket = buckets.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) (series.counts[bucket] as number)++;
  }

  render(): string {
    const lines: string[] = [];
    const total = 'apiserver_request_total';
    lines.push(`# HELP ${total} Requests by verb, resource and HTTP status code.`, `# TYPE ${total} counter`);
    for (const { labels, codes } of this.#series.values()) {
      for (const [code, count] of codes) lines.push(`${total}{code="${code}",${labels}} ${count}`);
    }
    const duration = 'apiserver_request_duration_seconds';
    lines.push(`# HELP ${duration} Time to answer, watches left out.`, `# TYPE ${duration} histogram`);
    for (const series of this.#series.values()) lines.push(...histogram(duration, series));
    for (const { name, help, values } of this.#gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
      for (const { labels, value } of values()) {
        const text = format(labels);
        lines.push(`${name}${text && `{${text}}`} ${value}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }
}

function histogram(name: string, { labels, counts, count, sum }: Series): string[] {
  let below = 0;
  const lines = buckets.map((bound, i) => {
    below += counts[i] as number;
    return `${name}_bucket{${labels},le="${bound}"} ${below}`;
  });
  lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
  return [...lines, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`];
}

function format(labels: RequestLabels | GaugeValue['labels']): string {
  return Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
    .join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (letter) => (letter === '\n' ? '\\n' : `\\${letter}`));
}
