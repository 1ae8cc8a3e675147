import type { Step } from '../../delivery/compose/run/context.ts';

export interface Progress {
  report(step: Step): void;
  /** Leaves what was shown as it is. */
  end(): void;
}

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'json';

/** Shows steps as docker compose does: one line for each thing on a terminal, one for each step elsewhere. On stderr. */
export function createProgress(mode: ProgressMode = 'auto'): Progress {
  const isTerminal = process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  if (mode === 'quiet') return { report: () => undefined, end: () => undefined };
  if (mode === 'json') {
    const report = ({ what, name, status, state }: Step): boolean =>
      process.stderr.write(`${JSON.stringify({ id: `${what} ${name}`, status, state })}\n`);
    return { report, end: () => undefined };
  }
  if (mode === 'tty' || (mode === 'auto' && isTerminal)) return terminalProgress();
  const report = ({ what, name, status }: Step): boolean => process.stderr.write(` ${what} ${name}  ${status}\n`);
  return { report, end: () => undefined };
}

const colours = { working: '', done: '\u001b[32m', failed: '\u001b[31m' } as const;
const marks = { working: '⠿', done: '✔', failed: '✘' } as const;

function terminalProgress(): Progress {
  const steps = new Map<string, Step>();
  let shown = 0;
  return {
    report(step) {
      steps.set(`${step.what} ${step.name}`, step);
      const all = [...steps.values()];
      const done = all.filter(({ state }) => state === 'done').length;
      const width = Math.max(...all.map(({ what, name }) => `${what} ${name}`.length));
      const room = (process.stderr.columns || 80) - 1;
      const lines = all.map(({ what, name, status, state }) => {
        const colour = process.env.NO_COLOR ? '' : colours[state];
        const text = ` ${marks[state]} ${`${what} ${name}`.padEnd(width)}  ${status}`.slice(0, room);
        return `\u001b[2K${colour}${text}${colour === '' ? '' : '\u001b[0m'}\n`;
      });
      const up = shown > 0 ? `\u001b[${shown}A` : '';
      process.stderr.write(`${up}\u001b[2K[+] Running ${done}/${all.length}\n${lines.join('')}`);
      shown = lines.length + 1;
    },
    end() {
      shown = 0;
      steps.clear();
    },
  };
}
