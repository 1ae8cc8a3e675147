import { readFile } from 'node:fs/promises';

/** Shorter ones are words of anybody's. */
const shortest = 5;
/** Files of secrets are small. */
const maxBytes = 1 << 16;
const isSecretName = /TOKEN|PASSW(?:OR)?D|PASSPHRASE|SECRET|CREDENTIAL|(?:^|_)(?:KEY|APIKEY|PAT|AUTH|PASS)(?:_|$)/i;

/**
 * The values of a build that nobody is to read: of its `--secret`s (docker-build(1): from a file, or from a variable),
 * and of build arguments whose names say so. The longest first: one may be a part of another.
 */
export async function secretsOf(
  { secrets = [], buildArgs = {} }: { secrets?: readonly string[]; buildArgs?: Readonly<Record<string, string>> },
  environment: NodeJS.ProcessEnv,
): Promise<string[]> {
  const ofSecrets = await Promise.all(secrets.map((secret) => valueOf(secret, environment)));
  const ofArguments = Object.entries(buildArgs).flatMap(([name, value]) => (isSecretName.test(name) ? [value] : []));
  // A key of many lines is printed line by line.
  const all = [...ofSecrets, ...ofArguments].flatMap((text) => [
    text.trim(),
    ...text.split('\n').map((line) => line.trim()),
  ]);
  return [...new Set(all)].filter(({ length }) => length >= shortest).toSorted((a, b) => b.length - a.length);
}

async function valueOf(secret: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const parts = Object.fromEntries(secret.split(',').map((part) => part.split(/=(.*)/s, 2))) as Record<string, string>;
  const { id = '', src, source = src, env } = parts;
  const type = parts['type'] ?? (env === undefined && source !== undefined ? 'file' : 'env');
  const ofEnvironment = environment[env ?? (type === 'env' ? (source ?? id) : id)];
  if (type === 'env' && ofEnvironment !== undefined) return ofEnvironment;
  const text = await readFile(source ?? id, 'utf8').catch(() => '');
  return text.length > maxBytes ? '' : text;
}

export function maskSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/** Masks what comes in pieces: where a piece ends as a secret begins, its end waits for the next one. */
export function createSecretMask(secrets: readonly string[], write: (text: string) => void) {
  let held = '';
  return {
    write(text: string): void {
      const whole = maskSecrets(held + text, secrets);
      const kept = Math.max(0, ...secrets.map((secret) => beginningAtEnd(whole, secret)));
      held = whole.slice(whole.length - kept);
      if (kept < whole.length) write(whole.slice(0, whole.length - kept));
    },
    end(): void {
      if (held !== '') write(held);
      held = '';
    },
  };
}

/** How many characters of a secret's beginning a text ends with. */
function beginningAtEnd(text: string, secret: string): number {
  for (let length = Math.min(secret.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length;
  }
  return 0;
}
