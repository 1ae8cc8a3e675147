import { lastAppliedAnnotation } from '../../../api/well-known.ts';

/**
 * Pieces of a description: lines with tabs between label and value, which `alignTabs` sets in columns. Labels of
 * kubectl's descriptions.
 */
export type Lines = string[];

const longValue = 140;

export function labelLines(title: string, labels: Record<string, string> | undefined): Lines {
  return listed(
    title,
    sorted(labels).map(([key, value]) => `${key}=${value}`),
  );
}

export function annotationLines(title: string, annotations: Record<string, string> | undefined): Lines {
  const shown = sorted(annotations).filter(([key]) => key !== lastAppliedAnnotation);
  const lines = shown.flatMap(([key, value]) => {
    const text = value.trimEnd();
    if (text.includes('\n') || text.length + key.length + 2 > longValue) {
      const cut = text
        .split('\n')
        .map((line) => (line.length > longValue ? `${line.slice(0, longValue - 2)}...` : line));
      return [`${key}:`, ...cut.map((line) => `  ${line}`)];
    }
    return [`${key}: ${text}`];
  });
  return listed(title, lines);
}

/** `Labels:  a`, and the other values below the first one; `<none>` where there is none. */
export function listed(title: string, values: readonly string[]): Lines {
  if (values.length === 0) return [`${title}:\t<none>`];
  return values.map((value, i) => `${i === 0 ? `${title}:` : ''}\t${value}`);
}

export function sorted<T>(map: Record<string, T> | undefined): [string, T][] {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

export function indent(lines: Lines, by: number): Lines {
  return lines.map((line) => ' '.repeat(by) + line);
}

/** `Thu, 26 Nov 2026 02:24:13 +0000`: RFC 1123 with the local zone. */
export function longTime(time: string | undefined): string {
  if (!time) return '<unset>';
  const date = new Date(time);
  const part = (options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat('en-US', options).format(date);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${part({ weekday: 'short' })}, ${two(date.getDate())} ${part({ month: 'short' })} ${date.getFullYear()} ${clock} ${zone}`;
}

/** `True`. */
export function capital(value: boolean): string {
  return value ? 'True' : 'False';
}

/** `a=b,c=d` on one line; `<none>`. */
export function pairs(map: Record<string, string> | undefined): string {
  return (
    sorted(map)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '<none>'
  );
}
