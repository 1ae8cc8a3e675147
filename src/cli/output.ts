/** Where a command's words go: data to stdout, messages to stderr. */
export interface Output {
  /** One line of data. */
  data(line: string): void;
  /** A message for the person. */
  message(line: string): void;
  /** Shows what is going on: replaced in place on a terminal, a line of its own elsewhere. */
  progress(step: string): void;
  /** Takes the progress line away. */
  endProgress(): void;
}

export function createOutput(): Output {
  const isTerminal = process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  let shown = false;
  const clear = (): void => {
    if (shown) process.stderr.write('\r\u001b[2K');
    shown = false;
  };
  return {
    data: (line) => {
      clear();
      process.stdout.write(`${line}\n`);
    },
    message: (line) => {
      clear();
      process.stderr.write(`${line}\n`);
    },
    progress(step) {
      if (!isTerminal) return;
      clear();
      process.stderr.write(step);
      shown = true;
    },
    endProgress: clear,
  };
}

/** Columns as kubectl prints them: three spaces apart, as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + 3))).join('');
  return [header, ...rows].map((row) => line(row).trimEnd()).join('\n');
}
