import { createSecureContext } from 'node:tls';
import { type EntranceSettings, tlsVersions } from '../entrance.ts';
import type { AnnotationValues } from './values.ts';

/** What a class says for all ingresses, since all have the same entrances; absent: nothing. */
export function readEntrance(values: AnnotationValues): Partial<EntranceSettings> {
  const trustsForwarded = values.flag('use-forwarded-headers');
  const speaksProxy = values.flag('use-proxy-protocol');
  const trustedProxies = values.ranges('proxy-real-ip-cidr');
  const redirectCode = values.choice('http-redirect-code', ['301', '302', '307', '308']);
  const versions = readVersions(values);
  const ciphers = readCiphers(values, 'ssl-ciphers');
  return {
    ...(trustsForwarded !== undefined && { trustsForwarded }),
    ...(speaksProxy !== undefined && { speaksProxy }),
    ...(trustedProxies && { trustedProxies }),
    ...(redirectCode !== undefined && { redirectCode: Number(redirectCode) }),
    ...(versions && { versions }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

/** The proxy is told the oldest and the newest one: what is between them belongs to it. */
function readVersions(values: AnnotationValues): EntranceSettings['versions'] | undefined {
  const list = values.list('ssl-protocols');
  if (!list) return undefined;
  const wrong = list.find((name) => !tlsVersions.some((version) => version === name));
  if (wrong !== undefined)
    return values.wrong('ssl-protocols', `has ${wrong}, which is none of ${tlsVersions.join(', ')}`);
  const chosen = tlsVersions.filter((version) => list.includes(version));
  const [min = 'TLSv1.2'] = chosen;
  const max = chosen.at(-1) ?? min;
  const between = tlsVersions.slice(tlsVersions.indexOf(min), tlsVersions.indexOf(max) + 1);
  if (between.length !== chosen.length) return values.wrong('ssl-protocols', 'leaves out a version between two others');
  return { min, max };
}

/** Of TLS 1.2 and before. OpenSSL decides: a list that it refuses would keep the proxy from loading. */
export function readCiphers(values: AnnotationValues, name: 'ssl-ciphers' | 'proxy-ssl-ciphers'): string | undefined {
  const ciphers = values.word(name, /[\w:!+@=.-]+/, 'a list of ciphers');
  if (ciphers === undefined) return undefined;
  try {
    createSecureContext({ ciphers });
    return ciphers;
  } catch {
    return values.wrong(name, 'names no cipher');
  }
}
