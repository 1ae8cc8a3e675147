import { parseImageName } from '../../../node/image-names.ts';

/**
 * What stands in for a well-known base image where no registry is in reach: a Debian system with these packages, or
 * with others that somebody names.
 */
export interface BaseSubstitute {
  /** Debian packages; undefined: the small image of busybox alone. */
  packages: readonly string[] | undefined;
  /** Environment that makes the base behave as the one that is missed. */
  env: Readonly<Record<string, string>>;
  command: readonly string[];
  /** Script for `sh -e` that makes the rest as it is in the base that is missed. */
  setUp: string | undefined;
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What each image's own is known for, from Debian. */
const packagesOf: Readonly<Record<string, readonly string[]>> = {
  debian: [],
  ubuntu: [],
  'buildpack-deps': ['build-essential', 'curl', 'git', 'ca-certificates'],
  gcc: ['build-essential'],
  golang: ['golang', 'gcc', 'libc6-dev', 'git', 'ca-certificates'],
  httpd: ['apache2'],
  maven: ['maven', 'default-jdk-headless'],
  memcached: ['memcached'],
  mariadb: ['mariadb-server'],
  nginx: ['nginx-light'],
  node: ['nodejs', 'npm'],
  openjdk: ['default-jdk-headless'],
  'eclipse-temurin': ['default-jdk-headless'],
  perl: ['perl'],
  php: ['php-cli'],
  postgres: ['postgresql'],
  python: ['python3', 'python3-pip', 'python3-venv', 'python-is-python3'],
  redis: ['redis-server'],
  ruby: ['ruby', 'ruby-bundler'],
  rust: ['cargo'],
};

const commandOf: Readonly<Record<string, readonly string[]>> = {
  httpd: ['apachectl', '-D', 'FOREGROUND'],
  memcached: ['memcached', '-u', 'memcache'],
  nginx: ['nginx', '-g', 'daemon off;'],
  node: ['node'],
  python: ['python3'],
  redis: ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no'],
};

/** What Debian's packages lay elsewhere: users that Dockerfiles name, directories that they copy to. */
const setUpOf: Readonly<Record<string, string>> = {
  nginx: `[ -d /etc/nginx ] || exit 0
rm -f /etc/nginx/sites-enabled/default
printf '%s\\n' 'server {' '  listen 80;' '  root /usr/share/nginx/html;' '}' > /etc/nginx/conf.d/default.conf
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log`,
  node: 'useradd --uid 1000 --create-home --shell /bin/bash node',
};

/** Undefined for images that nobody knows: inventing those would only hide what is wrong. */
export function substituteFor(image: string): BaseSubstitute | undefined {
  const name = parseImageName(image);
  if (!name || name.domain !== 'docker.io' || !name.path.startsWith('library/')) return undefined;
  const official = name.path.slice('library/'.length);
  if (official === 'busybox' || official === 'alpine')
    return { packages: undefined, env: { PATH: path }, command: ['/bin/sh'], setUp: undefined };
  const packages = packagesOf[official];
  if (!packages) return undefined;
  // Debian keeps pip away from the system's own packages; in an image there is nothing else.
  const env: Record<string, string> = { PATH: path };
  if (official === 'python') env['PIP_BREAK_SYSTEM_PACKAGES'] = '1';
  return { packages, env, command: commandOf[official] ?? ['/bin/bash'], setUp: setUpOf[official] };
}
