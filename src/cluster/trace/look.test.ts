import { expect, it } from 'vitest';
import { parseListeners } from './look.ts';

it('reads who listens where from what ss prints', () => {
  const output = `udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=1,fd=12))
tcp LISTEN 0 9 *:5000 *:* users:(("busybox",pid=8145,fd=3))
tcp LISTEN 0 9 [::1]:80 [::]:*
tcp LISTEN 0 9 0.0.0.0:443 0.0.0.0:* users:(("nginx",pid=2,fd=6),("nginx",pid=1,fd=6))
`;
  expect(parseListeners(output)).toEqual([
    { protocol: 'udp', address: '127.0.0.53', port: 53, process: 'systemd-resolve' },
    { protocol: 'tcp', address: '*', port: 5000, process: 'busybox' },
    { protocol: 'tcp', address: '::1', port: 80, process: undefined },
    { protocol: 'tcp', address: '0.0.0.0', port: 443, process: 'nginx' },
  ]);
});
