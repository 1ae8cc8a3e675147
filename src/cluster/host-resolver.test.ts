import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  clusterOfHostResolver,
  hostResolver,
  joinHostResolver,
  leaveHostResolver,
  withoutServer,
  withServer,
} from './host-resolver.ts';
import { bridgeName } from './network-plan.ts';

const before = '# by the administrator\nsearch example.com\nnameserver 192.0.2.53\n';

describe('a resolv.conf with a cluster’s server', () => {
  it('asks that first, and says whose it is', () => {
    expect(withServer(before, 'dev', '10.89.0.1')).toBe(
      `# timonel dev\nnameserver 10.89.0.1\n# timonel: end\n${before}`,
    );
  });

  it('has it once, however often it is asked for', () => {
    const once = withServer(before, 'dev', '10.89.0.1');
    expect(withServer(once, 'dev', '10.89.0.1')).toBe(once);
  });

  it('is as it was when that is taken back, whatever was changed meanwhile', () => {
    expect(withoutServer(withServer(before, 'dev', '10.89.0.1'), 'dev')).toBe(before);
    const changed = `options edns0\n${withServer(before, 'dev', '10.89.0.1')}nameserver 192.0.2.54\n`;
    expect(withoutServer(changed, 'dev')).toBe(`options edns0\n${before}nameserver 192.0.2.54\n`);
  });

  it('is left alone by other clusters', () => {
    const text = withServer(before, 'dev', '10.89.0.1');
    expect(withoutServer(text, 'de')).toBe(text);
    expect(withoutServer(before, 'dev')).toBe(before);
  });
});

describe('the host’s resolver', () => {
  const domain = 'cluster.local';
  const own = { cluster: 'dev', domain, address: '10.89.0.1' };
  const stub = 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n';
  let directory: string;
  let host: Parameters<typeof hostResolver>[2] & object;
  let calls: string[];
  /** What systemd-resolved was told, by link: as resolvectl of systemd 252 answers. */
  let domains: Map<string, string>;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'timonel-resolver-'));
    calls = [];
    domains = new Map([
      [bridgeName('dev'), ''],
      [bridgeName('other'), ''],
    ]);
    host = {
      resolverDirectory: join(directory, 'resolver'),
      resolvConf: join(directory, 'resolv.conf'),
      resolvedDirectory: join(directory, 'resolve'),
      run([, verb = '', link = '', value]) {
        if (!domains.has(link))
          return Promise.reject(new Error(`Failed to resolve interface "${link}": No such device`));
        if (verb !== 'domain' || value !== undefined) calls.push([verb, link, value ?? ''].join(' ').trim());
        if (verb === 'domain' && value !== undefined) domains.set(link, value);
        if (verb === 'revert') domains.set(link, '');
        return Promise.resolve(verb === 'domain' ? `Link 7 (${link}): ${domains.get(link)}\n` : '');
      },
    };
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const owner = (clusters: string[]): Promise<string | undefined> =>
    clusterOfHostResolver(hostResolver('dev', domain, host), { domain, clusters }, host);

  it('is systemd-resolved where its stub is asked: the cluster’s link gets the domain, and loses it again', async () => {
    mkdirSync(host.resolvedDirectory);
    writeFileSync(host.resolvConf, stub);
    const resolver = hostResolver('dev', domain, host);
    expect(resolver).toEqual({ kind: 'systemd-resolved', link: bridgeName('dev') });
    expect(await owner(['gone', 'dev'])).toBeUndefined();
    await joinHostResolver(resolver, own, host);
    expect(calls.splice(0)).toEqual([
      `dns ${bridgeName('dev')} 10.89.0.1`,
      `domain ${bridgeName('dev')} ~cluster.local`,
    ]);
    expect(await owner(['gone', 'other', 'dev'])).toBe('dev');
    expect(await leaveHostResolver('other', domain, host)).toBe(false);
    expect(await leaveHostResolver('dev', domain, host)).toBe(true);
    expect(calls).toEqual([`revert ${bridgeName('dev')}`]);
    expect(await leaveHostResolver('dev', domain, host)).toBe(false);
    expect(readFileSync(host.resolvConf, 'utf8')).toBe(stub);
  });

  it('is a file of the domain’s own where there is a directory for such, gone with the cluster', async () => {
    mkdirSync(host.resolverDirectory);
    writeFileSync(host.resolvConf, before);
    const resolver = hostResolver('dev', domain, host);
    await joinHostResolver(resolver, own, host);
    const file = join(host.resolverDirectory, domain);
    expect(readFileSync(file, 'utf8')).toContain('nameserver 10.89.0.1\n');
    expect(await owner(['dev'])).toBe('dev');
    expect(await leaveHostResolver('dev', domain, host)).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(host.resolvConf, 'utf8')).toBe(before);
  });

  it('is resolv.conf elsewhere, which is as it was afterwards', async () => {
    writeFileSync(host.resolvConf, before);
    await joinHostResolver(hostResolver('dev', domain, host), own, host);
    expect(await owner(['dev'])).toBe('dev');
    expect(await leaveHostResolver('other', domain, host)).toBe(false);
    expect(await leaveHostResolver('dev', domain, host)).toBe(true);
    expect(readFileSync(host.resolvConf, 'utf8')).toBe(before);
    expect(calls).toEqual([]);
  });
});
