import { describe, expect, it } from 'vitest';
import { nameserversOf, parseUpstreams, splitServer, upstreamsFor } from './upstreams.ts';

describe('upstream settings', () => {
  it('are those of kube-dns: the longest stub domain wins, and upstream servers take the rest', () => {
    const { settings, problems } = parseUpstreams({
      stubDomains: '{"acme.local": ["1.2.3.4"], "lab.Acme.local.": ["1.2.3.5:5353", "fd00::1"]}',
      upstreamNameservers: '["8.8.8.8", "8.8.4.4"]',
    });
    expect(problems).toEqual([]);
    expect(upstreamsFor('www.acme.local', settings)).toEqual(['1.2.3.4']);
    expect(upstreamsFor('acme.local', settings)).toEqual(['1.2.3.4']);
    expect(upstreamsFor('a.lab.acme.local', settings)).toEqual(['1.2.3.5:5353', 'fd00::1']);
    expect(upstreamsFor('notacme.local', settings)).toEqual(['8.8.8.8', '8.8.4.4']);
  });

  it('are none by default: the machine’s resolvers', () => {
    expect(upstreamsFor('example.com', parseUpstreams({}).settings)).toBeUndefined();
  });

  it('say what cannot be read, and keep the rest', () => {
    const { settings, problems } = parseUpstreams({
      stubDomains: '{"a.example": ["dns.example", "1.2.3.4"], "b.example": "1.2.3.4", "": ["1.2.3.4"]}',
      upstreamNameservers: '8.8.8.8',
    });
    expect(settings).toEqual({ stubDomains: new Map([['a.example', ['1.2.3.4']]]), upstreamNameservers: [] });
    expect(problems).toEqual([
      'stubDomains["a.example"]: "dns.example" is no IP or IP:PORT',
      'stubDomains["b.example"] is no list of addresses',
      'stubDomains has a domain without a name: that is what upstreamNameservers is for',
      expect.stringMatching(/^upstreamNameservers is not JSON/),
    ]);
  });

  it('name addresses, with a port or without', () => {
    expect(splitServer('10.0.0.1:5353')).toEqual({ ip: '10.0.0.1', port: 5353 });
    expect(splitServer('[fd00::1]:54')).toEqual({ ip: 'fd00::1', port: 54 });
    expect(['', '10.0.0.1:0', '10.0.0.1:70000', 'example.com:53'].map(splitServer)).toEqual(Array(4).fill(undefined));
  });

  it('come from resolv.conf', () => {
    expect(nameserversOf('# c\nsearch a\n nameserver 1.2.3.4\nnameserver fd00::1\n')).toEqual(['1.2.3.4', 'fd00::1']);
  });
});
