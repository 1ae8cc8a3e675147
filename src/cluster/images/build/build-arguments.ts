/** What configures builders themselves, or what they stand on: another value would change them, not the build. */
const ofBuilders = new RegExp(
  '^(?:(?:PATH|HOME|USER|SHELL|LANG|TMPDIR|GLIBC_TUNABLES|GODEBUG|GOMAXPROCS|GOMEMLIMIT|GOTRACEBACK)' +
    '|_*(?:LC|LD|XDG|SSL_CERT|BUILDAH|BUILDKIT|BUILDX|DOCKER|CONTAINERS|REGISTRY|STORAGE|OTEL)_.*' +
    '|(?:HTTP|HTTPS|ALL|NO|FTP)_PROXY)$',
  'i',
);

/**
 * Flags and environment that give a builder its build arguments. Values come by the environment, which nobody else on
 * the machine can read, as they may be secret (`--build-arg NAME`: docker-build(1), buildah-build(1)). Pure.
 */
export function buildArguments(
  args: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): { flags: string[]; env: Record<string, string> } {
  const flags: string[] = [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(args)) {
    const isPlain = /^[A-Za-z_]\w*$/.test(name) && (environment[name] === value || !ofBuilders.test(name));
    flags.push('--build-arg', isPlain ? name : `${name}=${value}`);
    if (isPlain) env[name] = value;
  }
  return { flags, env };
}
