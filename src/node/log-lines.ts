/** What a reader of container logs asks for. */
export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  /** Epoch nanoseconds; lines before it are left out. */
  sinceNs: bigint | undefined;
  /** Lines at the end to begin with. */
  tailLines: number | undefined;
  limitBytes: number | undefined;
  stream: 'All' | 'Stdout' | 'Stderr';
}

const newline = 0x0a;
const space = 0x20;

/**
 * Turns the bytes of a CRI log (`<time> stdout|stderr F|P <text>` a line; P: the line goes on in the next entry) into
 * what the container wrote. Feed it pieces of any size.
 */
export class LogDecoder {
  readonly #options: LogOptions;
  #rest: Buffer = Buffer.alloc(0);
  #left: number;
  /** The next entry of a stream begins a line: it gets a timestamp. */
  readonly #fresh = { stdout: true, stderr: true };

  constructor(options: LogOptions) {
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** True when `limitBytes` is used up. */
  get done(): boolean {
    return this.#left <= 0;
  }

  push(chunk: Buffer): Buffer {
    const input = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const out: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = input.indexOf(newline, start);
      if (end < 0 || this.done) break;
      this.#entry(input.subarray(start, end), out);
      start = end + 1;
    }
    this.#rest = Buffer.from(input.subarray(start));
    return Buffer.concat(out);
  }

  #entry(line: Buffer, out: Buffer[]): void {
    const timeEnd = line.indexOf(space);
    const streamEnd = line.indexOf(space, timeEnd + 1);
    const tagEnd = line.indexOf(space, streamEnd + 1);
    if (timeEnd < 0 || streamEnd < 0) return;
    const stream = line.toString('latin1', timeEnd + 1, streamEnd);
    if (stream !== 'stdout' && stream !== 'stderr') return;
    const { sinceNs, timestamps, stream: wanted } = this.#options;
    if (wanted !== 'All' && wanted.toLowerCase() !== stream) return;
    const time = line.toString('latin1', 0, timeEnd);
    if (sinceNs !== undefined && (timeToNs(time) ?? sinceNs) < sinceNs) return;
    const tag = line.toString('latin1', streamEnd + 1, tagEnd < 0 ? line.length : tagEnd);
    const partial = tag.split(':')[0] === 'P';
    if (timestamps && this.#fresh[stream]) this.#take(Buffer.from(`${time} `), out);
    this.#fresh[stream] = !partial;
    if (tagEnd >= 0) this.#take(line.subarray(tagEnd + 1), out);
    if (!partial) this.#take(Buffer.from('\n'), out);
  }

  #take(bytes: Buffer, out: Buffer[]): void {
    const taken = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= taken.length;
    if (taken.length > 0) out.push(taken);
  }
}

/** RFC 3339 with up to nine decimals to epoch nanoseconds; undefined for anything else. */
export function timeToNs(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const seconds = Date.parse(`${match[1] ?? ''}${match[3] ?? ''}`);
  return Number.isNaN(seconds) ? undefined : BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** Reads the options that the API server passes on. An Error's message says which one is wrong. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const flag = (name: string): boolean => ['true', '1', ''].includes(query.get(name) ?? 'false');
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '' || text === 'all') return undefined;
    if (!/^\d+$/.test(text)) throw new Error(`invalid ${name}: ${JSON.stringify(text)}`);
    return Number(text);
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const stream = query.get('stream') ?? 'All';
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') throw new Error(`invalid stream: ${stream}`);
  const given = sinceTime ? timeToNs(sinceTime) : undefined;
  if (sinceTime && given === undefined) throw new Error(`invalid sinceTime: ${JSON.stringify(sinceTime)}`);
  return {
    follow: flag('follow'),
    timestamps: flag('timestamps'),
    sinceNs: sinceSeconds === undefined ? given : BigInt(Math.floor(nowMs - sinceSeconds * 1000)) * 1_000_000n,
    tailLines: number('tailLines'),
    limitBytes: number('limitBytes'),
    stream,
  };
}
