/**
 * Text for HAProxy's configuration and runtime API. Everything that comes from objects of the cluster goes through
 * here, whatever was checked before: these functions decide what a word is.
 */

/** A word of the configuration that means exactly `text`. Throws on control characters: no value has a use for them. */
export function word(text: string): string {
  refuseControls(text);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word that is read as a format: `text` stands for itself. */
export function literalFormat(text: string): string {
  return text.replaceAll('%', '%%');
}

/** A line of a map file; neither part may have blanks. */
export function mapLine(key: string, value: string): string {
  refuseControls(key.replaceAll('\x7f', ''));
  refuseControls(value);
  if (key === '' || /\s/.test(key) || key.startsWith('#'))
    throw new Error(`not a key of a map: ${JSON.stringify(key)}`);
  if (!/^[\w.:*-]+$/.test(value)) throw new Error(`not a value of a map: ${JSON.stringify(value)}`);
  return `${key} ${value}`;
}

/** An argument of a command of the runtime API. */
export function argument(text: string): string {
  refuseControls(text.replaceAll('\x7f', ''));
  return text.replaceAll(/[\\ ;]/g, '\\$&');
}

function refuseControls(text: string): void {
  // oxlint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Error(`control characters in ${JSON.stringify(text)}`);
}
