import { expect, it } from 'vitest';
import { dnsAddressScript } from './node-address.ts';

it('leaves queries untracked only where a socket of the node takes them', () => {
  const completes = 'tcp flags & (syn | ack) == ack socket transparent 0';
  expect(dnsAddressScript('t', ['10.96.0.10', 'fd00::a'])).toBe(`add table inet t
delete table inet t
table inet t {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    ip daddr 10.96.0.10 meta l4proto { tcp, udp } th dport 53 socket wildcard 0 notrack
    ip6 daddr fd00::a meta l4proto { tcp, udp } th dport 53 socket wildcard 0 notrack
    ip daddr 10.96.0.10 tcp dport 53 ${completes} notrack
    ip6 daddr fd00::a tcp dport 53 ${completes} notrack
  }
  chain output {
    type filter hook output priority raw; policy accept;
    ip saddr 10.96.0.10 meta l4proto { tcp, udp } th sport 53 notrack
    ip6 saddr fd00::a meta l4proto { tcp, udp } th sport 53 notrack
    ip daddr 10.96.0.10 meta l4proto { tcp, udp } th dport 53 notrack
    ip6 daddr fd00::a meta l4proto { tcp, udp } th dport 53 notrack
  }
}
`);
});
