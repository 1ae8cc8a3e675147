/**
 * A value of one key, and what shows its effect: a part of the objects, of the loaded project, of a build or of a watch
 * rule (as JSON); for what is refused or warned of, nothing: the key table has the words.
 */
export interface KeyExample {
  /** The file's text; `web` is the service that is looked at. */
  file: string;
  shows?: string | readonly string[];
  /** What must be said when the key is refused or warned of by its value. */
  says?: string;
}

/** A service's keys in a project with nothing else. */
export function inService(keys: string, shows?: KeyExample['shows'], rest = ''): KeyExample {
  return { file: `services:\n  web:\n    image: web\n${indent(keys, 4)}${rest}`, shows };
}

export function inBuild(keys: string, shows?: KeyExample['shows'], rest = ''): KeyExample {
  return { file: `services:\n  web:\n    build:\n      context: .\n${indent(keys, 6)}${rest}`, shows };
}

/** A project's other sections beside a service that uses them. */
export function inProject(service: string, rest: string, shows?: KeyExample['shows']): KeyExample {
  return inService(service, shows, rest);
}

function indent(text: string, by: number): string {
  const lines = text.split('\n').map((line) => (line === '' ? '' : `${' '.repeat(by)}${line}`));
  return `${lines.join('\n')}\n`;
}
