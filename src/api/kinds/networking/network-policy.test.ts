import { describe, expect, it } from 'vitest';
import type { NetworkPolicySpec } from '../../types/networking-v1.ts';
import { networkPolicy } from './network-policy.ts';

const problems = (spec: Partial<NetworkPolicySpec>): (string | undefined)[] =>
  (networkPolicy.validate?.({ metadata: {}, spec: { podSelector: {}, ...spec } }) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );
const ports = (...all: { port?: number | string; endPort?: number; protocol?: string }[]) =>
  problems({ egress: [{ ports: all }] });

describe('a network policy', () => {
  it('may name ports by number, by name and as a range', () => {
    const all = [{ port: 80 }, { port: 'http' }, { port: 20_000, endPort: 20_000 }, { port: 1, endPort: 65_535 }];
    expect(ports(...all, { protocol: 'SCTP' }, {})).toEqual([]);
  });

  it('names no ranges without their beginning, nor backwards', () => {
    expect(ports({ endPort: 20_000 })).toEqual([
      'spec.egress[0].ports[0].endPort: Invalid value: 20000: may not be specified when `port` is not specified',
    ]);
    expect(ports({ port: 'serve-80', endPort: 20_000 })).toEqual([
      'spec.egress[0].ports[0].endPort: Invalid value: 20000: may not be specified when `port` is non-numeric',
    ]);
    expect(ports({ port: 30_000, endPort: 20_000 })).toEqual([
      'spec.egress[0].ports[0].endPort: Invalid value: 20000: must be greater than or equal to `port`',
    ]);
    expect(ports({ port: 70_000, protocol: 'ICMP' }, { port: 'not_a_name' })).toEqual([
      'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
      'spec.egress[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      expect.stringContaining('spec.egress[0].ports[1].port: Invalid value: "not_a_name"') as unknown,
    ]);
  });

  it('has peers of one sort each, and exceptions inside their blocks', () => {
    const from = (...all: NonNullable<NonNullable<NetworkPolicySpec['ingress']>[0]['from']>) =>
      problems({ ingress: [{ from: all }] });
    const block = (cidr: string, ...except: string[]) => from({ ipBlock: { cidr, except } });
    expect(from({ podSelector: {}, namespaceSelector: {} })).toEqual([]);
    expect(from({})).toEqual(['spec.ingress[0].from[0]: Required value: must specify a peer']);
    expect(from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } })).toEqual([
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    ]);
    expect(block('10.0.0.0/8', '10.1.0.0/16')).toEqual([]);
    expect(block('fd00::/8', 'fd12::/16')).toEqual([]);
    expect(block('')).toEqual(['spec.ingress[0].from[0].ipBlock.cidr: Required value']);
    expect(block('10.0.0.0')).toHaveLength(1);
    for (const except of ['10.0.0.0/8', '11.0.0.0/16', 'fd00::/64']) {
      expect(block('10.0.0.0/8', except)).toEqual([
        `spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "${except}": must be a strict subset of \`cidr\``,
      ]);
    }
  });

  it('says what it is about', () => {
    expect(problems({ policyTypes: ['Ingress', 'Both'] })).toEqual([
      'spec.policyTypes[1]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
    ]);
    const selector = { matchExpressions: [{ key: 'app', operator: 'Equals' }] };
    expect(problems({ podSelector: selector })).toHaveLength(1);
  });
});
