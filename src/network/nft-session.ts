import { type ChildProcess, spawn } from 'node:child_process';

/** Writes nftables rules of the network namespace of this process. Both reject with what nft says; nothing is done then. */
export interface Nft {
  /** A file for `nft -f`, of any size, in one transaction. */
  load(script: string): Promise<void>;
  /** Commands, one on each line, in one transaction: small changes, each in a millisecond or two. */
  change(script: string): Promise<void>;
  close(): void;
}

/** What is longer is loaded: a line of megabytes is no command to type. */
const mostLetters = 100_000;
/** nft remembers every line for its history: it is started again before that is much. */
const lettersOfOneSession = 16_000_000;

/** Transactions follow each other in the order in which they were asked for. */
export function createNft(): Nft {
  let session: Session | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    load: (script) => inTurn(() => load(script)),
    change: (script) =>
      inTurn(async () => {
        if (script.length > mostLetters) return load(script);
        if (!session?.isUsable) {
          session?.end();
          session = new Session();
        }
        const opened = await session.opened;
        // Some builds of nft have no interactive mode.
        return opened ? session.send(script) : load(script);
      }),
    close() {
      session?.end();
    },
  };
}

/**
 * A long-lived `nft -i`, which takes each line as one transaction: no program is started for a change. It says nothing
 * of a line that went well; so a line follows that it cannot understand, and complains of by name.
 */
class Session {
  readonly opened: Promise<boolean>;
  readonly #process: ChildProcess;
  #heard = '';
  #letters = 0;
  #asked = 0;
  #waiting: { mark: string; settle: (heard: string | undefined) => void } | undefined;
  #hasEnded = false;

  constructor() {
    // It would keep a history in the home directory.
    const env = { ...process.env, HOME: '/nonexistent', LC_ALL: 'C' };
    this.#process = spawn('nft', ['-i'], { stdio: ['pipe', 'ignore', 'pipe'], env });
    const { stdin, stderr } = this.#process;
    stderr?.on('data', (chunk: Buffer) => this.#hear(chunk.toString()));
    stdin?.on('error', () => {});
    const ended = (): void => {
      this.#hasEnded = true;
      this.#waiting?.settle(undefined);
    };
    this.#process.on('error', ended);
    this.#process.on('close', ended);
    // What it waits for is not what this process lives for.
    this.#process.unref();
    for (const stream of [stdin, stderr]) (stream as { unref?(): void } | null)?.unref?.();
    this.opened = this.#say('').then((heard) => heard !== undefined);
  }

  /** One that never answered shows that there is no such mode: it is not tried again. */
  get isUsable(): boolean {
    return this.#letters < lettersOfOneSession && (!this.#hasEnded || this.#asked === 1);
  }

  async send(script: string): Promise<void> {
    const heard = await this.#say(script.trim().replaceAll('\n', ' ; '));
    if (heard === undefined) throw new Error('nft ended in the middle of a transaction');
    // What comes before is the last of what was said of the mark before.
    const start = heard.indexOf('Error:');
    if (start >= 0) throw refusal(heard.slice(start));
  }

  end(): void {
    this.#process.stdin?.end();
  }

  /** What nft says of a line; undefined when it has ended. */
  #say(line: string): Promise<string | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    const mark = `end-${++this.#asked}`;
    const text = `${line}\n${mark}\n`;
    this.#letters += text.length;
    return new Promise((resolve) => {
      const settle = (heard: string | undefined): void => {
        this.#waiting = undefined;
        resolve(heard);
      };
      this.#waiting = { mark, settle };
      this.#process.stdin?.write(text);
    });
  }

  #hear(text: string): void {
    this.#heard += text;
    const { mark, settle } = this.#waiting ?? {};
    const complaint = this.#heard.indexOf(`\n${mark}\n`);
    if (mark === undefined || !settle || complaint < 0) return;
    // The last `Error:` before the mark is about the mark.
    const heard = this.#heard.slice(0, this.#heard.lastIndexOf('Error:', complaint));
    this.#heard = '';
    settle(heard);
  }
}

function load(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const nft = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let message = '';
    nft.stderr.on('data', (chunk: Buffer) => {
      message += chunk.toString();
    });
    nft.on('error', reject);
    nft.on('close', (code) => {
      if (code === 0) resolve();
      else reject(refusal(message));
    });
    nft.stdin.on('error', () => {});
    nft.stdin.end(script);
  });
}

function refusal(message: string): Error {
  return new Error(`nft refused the rules: ${message.trim().split('\n').slice(0, 3).join(' ').slice(0, 1_000)}`);
}
