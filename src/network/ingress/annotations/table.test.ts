import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { classOptions, defaultAnnotations, globalAuthorization, refusedParameters } from './parameters.ts';
import {
  annotationPrefix,
  annotationsWithoutEffect,
  refusedAnnotations,
  servedAnnotations,
  type ServedInfo,
} from './table.ts';

const file = new URL('../../../../docs/ingress-annotations.md', import.meta.url).pathname;
const readers = [
  'access',
  'answers',
  'authorize',
  'canary',
  'class-options',
  'client-certificates',
  'entrance',
  'fastcgi',
  'mirror',
  'routing',
  'upstream',
].map((name) => readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8'));
const cell = (text: string): string => text.replaceAll('|', '\\|');
const names = (all: object): string[] => Object.keys(all).toSorted();

/** What ingress-nginx documents ("Annotations", "Annotations Scope and Risk"). */
const documented = `
  affinity affinity-canary-behavior affinity-mode allowlist-source-range app-root auth-always-set-cookie
  auth-cache-duration auth-cache-key auth-keepalive auth-keepalive-requests auth-keepalive-share-vars
  auth-keepalive-timeout auth-method auth-proxy-set-headers auth-realm auth-request-redirect
  auth-response-headers auth-secret auth-secret-type auth-signin auth-signin-redirect-param auth-snippet
  auth-tls-error-page auth-tls-match-cn auth-tls-pass-certificate-to-upstream auth-tls-secret
  auth-tls-verify-client auth-tls-verify-depth auth-type auth-url backend-protocol canary canary-by-cookie
  canary-by-header canary-by-header-pattern canary-by-header-value canary-weight canary-weight-total
  client-body-buffer-size configuration-snippet connection-proxy-header cors-allow-credentials
  cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers cors-max-age custom-headers
  custom-http-errors default-backend denylist-source-range disable-proxy-intercept-errors enable-access-log
  enable-cors enable-global-auth enable-modsecurity enable-opentelemetry enable-owasp-core-rules
  enable-rewrite-log fastcgi-index fastcgi-params-configmap force-ssl-redirect from-to-www-redirect
  http2-push-preload limit-allowlist limit-burst-multiplier limit-connections limit-rate limit-rate-after
  limit-rpm limit-rps load-balance mirror-host mirror-request-body mirror-target modsecurity-snippet
  modsecurity-transaction-id opentelemetry-operation-name opentelemetry-trust-incoming-span
  permanent-redirect permanent-redirect-code preserve-trailing-slash proxy-body-size proxy-buffer-size
  proxy-buffering proxy-buffers-number proxy-busy-buffers-size proxy-connect-timeout proxy-cookie-domain
  proxy-cookie-path proxy-http-version proxy-max-temp-file-size proxy-next-upstream
  proxy-next-upstream-timeout proxy-next-upstream-tries proxy-read-timeout proxy-redirect-from
  proxy-redirect-to proxy-request-buffering proxy-send-timeout proxy-ssl-ciphers proxy-ssl-name
  proxy-ssl-protocols proxy-ssl-secret proxy-ssl-server-name proxy-ssl-verify proxy-ssl-verify-depth
  relative-redirects rewrite-target satisfy server-alias server-snippet service-upstream
  session-cookie-change-on-failure session-cookie-conditional-samesite-none session-cookie-domain
  session-cookie-expires session-cookie-max-age session-cookie-name session-cookie-partitioned
  session-cookie-path session-cookie-samesite session-cookie-secure ssl-ciphers ssl-passthrough
  ssl-prefer-server-ciphers ssl-redirect stream-snippet temporal-redirect temporal-redirect-code
  upstream-hash-by upstream-hash-by-subset upstream-hash-by-subset-size upstream-vhost use-port-in-redirects
  use-regex x-forwarded-prefix
`
  .trim()
  .split(/\s+/);

/** What manifests of its older versions have. */
const former = `
  enable-influxdb enable-opentracing global-rate-limit global-rate-limit-ignored-cidrs global-rate-limit-key
  global-rate-limit-window influxdb-host influxdb-measurement influxdb-port influxdb-server-name
  limit-whitelist opentracing-trust-incoming-span session-cookie-hash websocket-services
  whitelist-source-range
`
  .trim()
  .split(/\s+/);

function parametersPage(refused: readonly string[]): string[] {
  const list = (all: readonly string[]): string => all.map((name) => `\`${name}\``).join(', ');
  const options = Object.entries(classOptions as Record<string, ServedInfo>).map(
    ([name, { values, effect }]) => `| \`${name}\` | ${cell(values)} | ${cell(effect)} |`,
  );
  const globals = Object.entries(globalAuthorization).map(([name, meant]) => `| \`${name}\` | \`${meant}\` |`);
  return [
    '## Parameters of a class',
    'What ingress-nginx has in its config map is in a config map that `spec.parameters` of the IngressClass names here ' +
      '([how](ingress.md#parameters-of-a-class)). These annotations, without the prefix, hold for the ingresses of the ' +
      `class that do not have them: ${list(defaultAnnotations)}.`,
    ['| parameter | values | effect |', '|---|---|---|', ...options].join('\n'),
    'Where an ingress has no `auth-url`, and does not say `enable-global-auth: "false"`, these hold:',
    ['| parameter | in place of |', '|---|---|', ...globals].join('\n'),
    'With one of these, the ingresses of the class are not served (503), nor with others that sound like protection, nor ' +
      'while the config map is not there:',
    ['| parameter | why |', '|---|---|', ...refused].join('\n'),
    'All others have no effect, and an event of the class says so.',
  ];
}

async function page(): Promise<string> {
  const served = Object.entries(servedAnnotations as Record<string, ServedInfo>).map(
    ([name, { values, effect, mustHold }]) =>
      `| \`${name}\` | ${cell(values)} | ${cell(effect)}${mustHold ? ' **(!)**' : ''} |`,
  );
  const others = (all: Readonly<Record<string, string>>): string[] =>
    names(all).map((name) => `| \`${name}\` | ${cell(all[name] ?? '')} |`);
  const text = [
    '# Annotations of ingresses',
    `What the annotations of ingress-nginx (\`${annotationPrefix}…\`) do here. \`timonel ingress annotations\` prints the same.`,
    'An annotation that protects something is marked with **(!)**: an ingress whose value for it is not understood is not served ' +
      '(503), and an event says why. A wrong value of another one has no effect, and an event says so.',
    ['| annotation | values | effect |', '|---|---|---|', ...served].join('\n'),
    '## Refused',
    'An ingress with one of these is not served (503), and an event says why: it may be meant to keep people out. So is one ' +
      'with an annotation of ingress-nginx that nobody has heard of, when its name sounds like protection.',
    ['| annotation | why |', '|---|---|', ...others(refusedAnnotations)].join('\n'),
    '## Without effect',
    'An event says so, and the ingress is served.',
    ['| annotation | here |', '|---|---|', ...others(annotationsWithoutEffect)].join('\n'),
    ...parametersPage(others(refusedParameters)),
  ].join('\n\n');
  return format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
}

describe('the table of annotations', () => {
  it('is what the documentation shows (vitest -u writes it)', async () => {
    await expect(await page()).toMatchFileSnapshot(file);
  });

  it('names what is read, and nothing else', () => {
    const elsewhere = ['default-backend-service', 'default-ssl-certificate'];
    const all = [...names(servedAnnotations), ...names(classOptions)].filter((name) => !elsewhere.includes(name));
    const unread = all.filter((name) => {
      const isRead = readers.some(
        (text) => text.includes(`'${name}'`) || text.includes(`'${name.replace(/-code$/, '')}'`),
      );
      return !isRead;
    });
    expect(unread).toEqual([]);
  });

  it('has every annotation that ingress-nginx documents, or did, and no other', () => {
    const all = [servedAnnotations, annotationsWithoutEffect, refusedAnnotations].flatMap(names);
    expect(all.toSorted()).toEqual([...documented, ...former].toSorted());
  });

  it('says one thing about each', () => {
    const all = [servedAnnotations, annotationsWithoutEffect, refusedAnnotations].flatMap(names);
    expect(all.length).toBe(new Set(all).size);
  });
});
