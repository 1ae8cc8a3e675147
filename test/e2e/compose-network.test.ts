import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clusterForTests, eventually, type Ran } from './support.ts';

const { cluster, scratch } = clusterForTests('cnt');

/** Writes a project's file, and gives what runs a command on it that has to work. */
function project(name: string, text: string): (...args: string[]) => Promise<string> {
  const directory = join(scratch, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'compose.yaml'), text);
  return async (...args) => {
    const ran = await compose(name, ...args);
    expect(ran, `${args.join(' ')}: ${ran.stderr}`).toMatchObject({ code: 0 });
    return ran.stdout;
  };
}

function compose(name: string, ...args: string[]): Promise<Ran> {
  return cluster.tryTimonel('compose', '--project-directory', join(scratch, name), ...args);
}

function answer(at: string): Promise<string> {
  return eventually(async () => {
    const response = await fetch(`http://${at}`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    return response?.ok ? response.text() : undefined;
  }, `${at} answers`);
}

describe('a service in the network of another', () => {
  const file = (host: string): string => `services:
  vpn:
    image: busybox
    init: true
    hostname: ${host}
    ipc: shareable
    ports: ['18931:8080']
    command: sh -c "echo of vpn >/dev/shm/word; sleep 600"
    healthcheck: { test: 'true', interval: 1s }
  web:
    image: busybox
    init: true
    network_mode: service:vpn
    container_name: hidden
    depends_on: { vpn: { condition: service_healthy } }
    command: sh -c "mkdir /w; echo from web >/w/index.html; httpd -p 8080 -h /w; sleep 600"
  debug:
    { image: busybox, init: true, pid: 'service:vpn', ipc: 'service:vpn', command: sleep 601 }
  client:
    { image: busybox, init: true, command: sleep 602 }
`;

  it('has its address, name and ports, follows it when it is replaced, and is itself replaced alone', async () => {
    const ok = project('tunnel', file('tunnel'));
    await ok('up', '-d');
    expect(await answer('localhost:18931/')).toBe('from web\n');
    const inside = (service: string, script: string): Promise<string> => ok('exec', '-T', service, 'sh', '-c', script);
    const address = 'ip -o -4 addr show eth0 | tr -s " " | cut -d" " -f4';
    expect(await inside('web', 'hostname; echo $HOSTNAME; wget -qO- http://localhost:8080')).toBe(
      'tunnel\ntunnel\nfrom web\n',
    );
    expect(await inside('web', address)).toBe(await inside('vpn', address));
    expect(await inside('client', 'wget -qO- http://vpn:8080')).toBe('from web\n');
    expect((await compose('tunnel', 'exec', '-T', 'client', 'nslookup', 'hidden')).code).not.toBe(0);
    // Processes and memory are shared without the network.
    expect(await inside('debug', 'ps; cat /dev/shm/word')).toMatch(/sleep 600\n[^]*of vpn\n$/);
    expect(await inside('debug', address)).not.toBe(await inside('vpn', address));
    expect(await ok('run', '--rm', '-T', 'web', 'hostname')).toBe('tunnel\n');

    const vpn = await ok('ps', '-q', 'vpn');
    await ok('restart', '-t', '0', 'web');
    expect(await ok('ps', '-q', 'vpn')).toBe(vpn);
    expect(await answer('localhost:18931/')).toBe('from web\n');

    project('tunnel', file('other'));
    const up = await compose('tunnel', 'up', '-d');
    expect(up.stderr).toMatch(/ Container web {2}Recreated\n/);
    expect(await inside('web', 'hostname')).toBe('other\n');
    expect(await inside('web', address)).toBe(await inside('vpn', address));

    // Nobody asked for this one: the cluster puts the pods together again by itself.
    const selector = ['-n', 'tunnel', '-l', 'com.docker.compose.service=vpn'];
    await cluster.kubectl('delete', 'pod', ...selector, '--grace-period=1');
    await eventually(async () => {
      const seen = await Promise.all(
        ['web', 'vpn'].map((name) => compose('tunnel', 'exec', '-T', name, 'sh', '-c', address)),
      );
      return seen.every(({ code }) => code === 0) && seen[0]?.stdout === seen[1]?.stdout;
    }, 'both have one address again');
    expect(await answer('localhost:18931/')).toBe('from web\n');
    await ok('down', '-t', '0');
  });
});

describe('a service with an address that the file chooses', () => {
  const file = (address: string): string => `services:
  db:
    image: busybox
    init: true
    networks: { back: { ipv4_address: ${address} } }
    ports: ['18932:82']
    command: sh -c "mkdir /w; hostname >/w/index.html; httpd -p 81 -h /w; httpd -p 82 -h /w; sleep 600"
  friend: { image: busybox, init: true, command: sleep 600, networks: [back] }
  stranger: { image: busybox, init: true, command: sleep 600 }
networks:
  back: { ipam: { config: [{ subnet: 172.30.77.0/24 }] } }
`;

  it('is reached there on every port, by those of its network, also when its container is another', async () => {
    const ok = project('fixed', file('172.30.77.5'));
    await ok('up', '-d');
    const ask = (from: string, at: string): Promise<Ran> =>
      compose('fixed', 'exec', '-T', from, 'timeout', '2', 'wget', '-qO-', `http://${at}/`);
    const first = await ok('ps', '-q', 'db');
    expect(await ask('friend', '172.30.77.5:81')).toMatchObject({ code: 0, stdout: first });
    expect(await ask('friend', '172.30.77.5:82')).toMatchObject({ code: 0, stdout: first });
    // Itself too.
    expect(await ask('db', '172.30.77.5:82')).toMatchObject({ code: 0, stdout: first });
    expect((await ask('stranger', '172.30.77.5:81')).code).not.toBe(0);
    // The machine, and all others, get through to what is published.
    expect(await answer('172.30.77.5:82/')).toBe(first);
    expect(await ask('stranger', '172.30.77.5:82')).toMatchObject({ code: 0, stdout: first });

    project('second', file('172.30.77.5').replace('18932:', '18933:'));
    const second = await compose('second', 'up', '-d');
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('Address already in use: 172.30.77.5 is that of db in project fixed');
    await compose('second', 'down');

    await ok('up', '-d', '--force-recreate', '-t', '0', 'db');
    const next = await ok('ps', '-q', 'db');
    expect(next).not.toBe(first);
    expect(await ask('friend', '172.30.77.5:81')).toMatchObject({ code: 0, stdout: next });
    await ok('stop', '-t', '0', 'db');
    // Nobody is there, and nobody outside is asked.
    expect((await ask('friend', '172.30.77.5:81')).stderr).toContain('refused');
    await ok('down', '-t', '0');
  });
});
