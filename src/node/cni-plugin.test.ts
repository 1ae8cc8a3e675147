import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loopbackPlugin, renderCniConfig, renderCniPlugin } from './cni-plugin.ts';

/** The plugin runs for real; `ip`, `nsenter` and `nft` are programs that write down what they are given. */
describe("a pod's CNI plugin", () => {
  const directory = mkdtempSync(join(tmpdir(), 'cni-plugin-'));
  const addresses = join(directory, 'addresses');
  const log = join(directory, 'log');
  const [fourth, sixth] = ['10.244.1.0/24', 'fd12:1345:1678:101::/64'];

  beforeAll(() => {
    mkdirSync(join(directory, 'bin'));
    const recorder = `#!/bin/sh\n{ echo "> \${0##*/} $*"; case "$*" in *-|*' -') cat ;; esac; } >>${log}\n`;
    for (const name of ['ip', 'nsenter', 'nft']) script(join('bin', name), recorder);
    script(
      'plugin',
      renderCniPlugin({ name: 'n', kind: 'bridge', podCidrs: [fourth], mtu: 1400, dataDirectory: addresses }),
    );
    script(
      'dual',
      renderCniPlugin({ name: 'n', kind: 'ptp', podCidrs: [fourth, sixth], mtu: 1400, dataDirectory: addresses }),
    );
    script(
      'sixth',
      renderCniPlugin({ name: 'n', kind: 'bridge', podCidrs: [sixth], mtu: 1400, dataDirectory: addresses }),
    );
    script(
      'sixth-first',
      renderCniPlugin({ name: 'n', kind: 'bridge', podCidrs: [sixth, fourth], mtu: 1400, dataDirectory: addresses }),
    );
    script('loopback', loopbackPlugin);
  });
  beforeEach(() => {
    rmSync(addresses, { recursive: true, force: true });
    mkdirSync(addresses);
    writeFileSync(log, '');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function script(name: string, text: string): void {
    writeFileSync(join(directory, name), text);
    chmodSync(join(directory, name), 0o755);
  }

  function run(command: string, id: string, config: object = {}, plugin = 'plugin') {
    const { status, stdout, stderr } = spawnSync(join(directory, plugin), {
      encoding: 'utf8',
      input: JSON.stringify(config),
      env: {
        PATH: `${join(directory, 'bin')}:/usr/bin:/bin`,
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: '/run/netns/pod',
        CNI_IFNAME: 'eth0',
      },
    });
    return {
      status,
      stderr,
      answer: (stdout === '' ? undefined : JSON.parse(stdout)) as Record<string, unknown> | undefined,
    };
  }

  it('gives addresses in turn, and takes back what a pod had', () => {
    expect(run('ADD', 'aaaaaaaaaaaaaaaa').answer).toMatchObject({
      ips: [{ address: '10.244.1.2/24', gateway: '10.244.1.1', interface: 1 }],
      interfaces: [{ name: 'vethaaaaaaaaaaa' }, { name: 'eth0', sandbox: '/run/netns/pod' }],
    });
    expect(run('ADD', 'bbbbbbbbbbbbbbbb').answer).toMatchObject({ ips: [{ address: '10.244.1.3/24' }] });
    expect(run('DEL', 'aaaaaaaaaaaaaaaa')).toMatchObject({ status: 0, answer: undefined });
    expect(readdirSync(addresses).sort()).toEqual(['3', 'bbbbbbbbbbbbbbbb', 'last']);
    expect(run('ADD', 'cccccccccccccccc').answer).toMatchObject({ ips: [{ address: '10.244.1.4/24' }] });
  });

  it('links the pod to the bridge, with a hardware address that belongs to the address', () => {
    writeFileSync(join(addresses, 'last'), '199\n');
    run('ADD', 'dddddddddddddddd');
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
      '> ip -batch -',
      expect.stringMatching(
        /^link add vethd{11} mtu 1400 type veth .* address 0a:58:f4:01:2:0 mtu 1400 netns/,
      ) as unknown,
      'link set vethddddddddddd master cni0 up',
      'link set vethddddddddddd type bridge_slave hairpin on',
      '> nsenter --net=/run/netns/pod ip -batch -',
      'link set lo up',
      'addr add 10.244.1.200/24 dev eth0',
      'link set eth0 up',
      'route add default via 10.244.1.1',
    ]);
  });

  it('begins anew after the last address, and says when none is free', () => {
    writeFileSync(join(addresses, 'last'), '254\n');
    expect(run('ADD', 'eeeeeeeeeeeeeeee').answer).toMatchObject({ ips: [{ address: '10.244.1.2/24' }] });
    for (let n = 2; n <= 254; n++) writeFileSync(join(addresses, String(n)), 'x\n');
    expect(run('ADD', 'ffffffffffffffff')).toMatchObject({
      status: 1,
      answer: { code: 11, msg: 'no address is free in 10.244.1.0/24' },
    });
  });

  it('gives an address back when the pod cannot be linked, and says why', () => {
    script(join('bin', 'nsenter'), '#!/bin/sh\ncat >/dev/null\necho "Cannot open \\"netns\\"" >&2\nexit 1\n');
    const { status, answer } = run('ADD', 'gggggggggggggggg');
    script(join('bin', 'nsenter'), readFileSync(join(directory, 'bin/ip'), 'utf8'));
    expect({ status, answer }).toMatchObject({ status: 1, answer: { msg: 'cannot link the pod: Cannot open netns ' } });
    expect(readdirSync(addresses)).toEqual(['last']);
  });

  it('opens and closes host ports', () => {
    const portMappings = [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
      { HostPort: 53, ContainerPort: 5353, Protocol: 'udp', HostIP: '127.0.0.1' },
      { hostPort: 9, containerPort: 9, protocol: 'tcp', hostIP: '::1' },
    ];
    run('ADD', 'hhhhhhhhhhhhhhhh', { runtimeConfig: { portMappings } });
    const opened = readFileSync(log, 'utf8');
    expect(opened.match(/add element .*/g)).toEqual([
      'add element ip timonel-host-ports any { tcp . 8080 : 10.244.1.2 . 80 }',
      'add element ip timonel-host-ports exact { 127.0.0.1 . udp . 53 : 10.244.1.2 . 5353 }',
      'add element ip timonel-host-ports hairpin { 10.244.1.2 . 10.244.1.2 }',
    ]);
    run('DEL', 'hhhhhhhhhhhhhhhh', { runtimeConfig: { portMappings } });
    expect(readFileSync(log, 'utf8').match(/delete element .*/g)).toHaveLength(3);
    expect(existsSync(join(addresses, '2'))).toBe(false);
  });

  it('gives addresses of both families, and opens host ports at both', () => {
    const portMappings = [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
      { hostPort: 9, containerPort: 90, protocol: 'udp', hostIP: '::1' },
    ];
    const { answer } = run('ADD', 'iiiiiiiiiiiiiiii', { runtimeConfig: { portMappings } }, 'dual');
    expect(answer?.['ips']).toMatchObject([
      { version: '4', address: '10.244.1.2/24' },
      { version: '6', address: 'fd12:1345:1678:101::2/64', gateway: 'fd12:1345:1678:101::1' },
    ]);
    const done = readFileSync(log, 'utf8');
    expect(done).toContain('addr add fd12:1345:1678:101::2/128 dev eth0 nodad\n');
    expect(done).toContain('route replace fd12:1345:1678:101::2 dev vethiiiiiiiiiii\n');
    expect(done.match(/add element .*/g)).toEqual([
      'add element ip timonel-host-ports any { tcp . 8080 : 10.244.1.2 . 80 }',
      'add element ip6 timonel-host-ports any { tcp . 8080 : fd12:1345:1678:101::2 . 80 }',
      'add element ip6 timonel-host-ports exact { ::1 . udp . 9 : fd12:1345:1678:101::2 . 90 }',
      'add element ip timonel-host-ports hairpin { 10.244.1.2 . 10.244.1.2 }',
      'add element ip6 timonel-host-ports hairpin { fd12:1345:1678:101::2 . fd12:1345:1678:101::2 }',
    ]);
    run('DEL', 'iiiiiiiiiiiiiiii', { runtimeConfig: { portMappings } }, 'dual');
    expect(readFileSync(log, 'utf8').match(/delete element .*/g)).toHaveLength(5);
  });

  it('gives addresses of IPv6 alone, and of IPv6 first', () => {
    const portMappings = [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
      { hostPort: 9, containerPort: 90, protocol: 'tcp', hostIP: '0.0.0.0' },
    ];
    const { answer } = run('ADD', 'jjjjjjjjjjjjjjjj', { runtimeConfig: { portMappings } }, 'sixth');
    expect(answer).toMatchObject({
      ips: [{ version: '6', address: 'fd12:1345:1678:101::2/64', gateway: 'fd12:1345:1678:101::1' }],
      routes: [{ dst: '::/0' }],
    });
    const done = readFileSync(log, 'utf8');
    expect(done).toContain('address 0a:58:01:01:0:2 ');
    expect(done.match(/^(addr|route) .*/gm)).toEqual([
      'addr add fd12:1345:1678:101::2/64 dev eth0 nodad',
      'route add default via fd12:1345:1678:101::1 dev eth0',
    ]);
    expect(done.match(/add (table|element) .*/g)).toEqual([
      'add table ip6 timonel-host-ports',
      'add element ip6 timonel-host-ports any { tcp . 8080 : fd12:1345:1678:101::2 . 80 }',
      'add element ip6 timonel-host-ports hairpin { fd12:1345:1678:101::2 . fd12:1345:1678:101::2 }',
    ]);
    run('DEL', 'jjjjjjjjjjjjjjjj', { runtimeConfig: { portMappings } }, 'sixth');
    expect(readFileSync(log, 'utf8').match(/delete element .*/g)).toHaveLength(2);
    expect(run('ADD', 'kkkkkkkkkkkkkkkk', {}, 'sixth-first').answer?.['ips']).toMatchObject([
      { version: '6', address: 'fd12:1345:1678:101::3/64' },
      { version: '4', address: '10.244.1.3/24' },
    ]);
    for (let n = 2; n <= 254; n++) writeFileSync(join(addresses, String(n)), 'x\n');
    expect(run('ADD', 'llllllllllllllll', {}, 'sixth').answer).toMatchObject({
      msg: 'no address is free in fd12:1345:1678:101::/64',
    });
  });

  it('is known to containerd, with lo done by the way', () => {
    expect(JSON.parse(renderCniConfig('n'))).toMatchObject({ name: 'n', plugins: [{ type: 'timonel' }] });
    expect(run('VERSION', '').answer).toMatchObject({
      supportedVersions: expect.arrayContaining(['0.4.0']) as unknown,
    });
    expect(run('ADD', 'a', {}, 'loopback').answer).toMatchObject({ interfaces: [{ name: 'lo' }] });
    expect(run('CHECK', 'a')).toMatchObject({ status: 0 });
  });
});
