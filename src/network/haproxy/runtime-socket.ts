import { connect, type Socket } from 'node:net';

/** The connection to the runtime API of a running HAProxy (management guide, "Unix Socket commands"). */
export interface RuntimeSocket {
  /**
   * Sends commands in order, each as it is; answers what each was answered, trimmed. Rejects when the connection
   * breaks.
   */
  send(commands: readonly string[]): Promise<string[]>;
  close(): void;
}

const prompt = '\n> ';

/** Opens a lasting connection. `onClose` is told when the other side ends it: the process has ended. */
export async function openRuntimeSocket(path: string, onClose: () => void): Promise<RuntimeSocket> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect(path, () => resolve(opening));
    opening.once('error', reject);
  });
  const session = new Session(socket, onClose);
  // Keeps the connection open, and ends each answer with a prompt.
  await session.send(['prompt', 'set timeout cli 86400']);
  return session;
}

class Session implements RuntimeSocket {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  #text = '';
  #isClosed = false;

  constructor(socket: Socket, onClose: () => void) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', () => {});
    socket.once('close', () => {
      const wasClosed = this.#isClosed;
      this.#isClosed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('HAProxy closed its runtime socket'));
      if (!wasClosed) onClose();
    });
  }

  async send(commands: readonly string[]): Promise<string[]> {
    if (this.#isClosed) throw new Error('HAProxy closed its runtime socket');
    const answers = commands.map(
      () => new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    this.#socket.write(commands.map((command) => `${command}\n`).join(''), 'latin1');
    return Promise.all(answers);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf(prompt); end >= 0; end = this.#text.indexOf(prompt)) {
      // Each line of a payload is asked for with a plus sign.
      const answer = this.#text
        .slice(0, end)
        .replace(/^(?:\+ )+/, '')
        .trim();
      this.#text = this.#text.slice(end + prompt.length);
      this.#waiting.shift()?.resolve(answer);
    }
  }
}
