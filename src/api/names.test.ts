import { describe, expect, it } from 'vitest';
import * as names from './names.ts';

describe('name checks', () => {
  it.each<[names.NameCheck, string[], string[]]>([
    [names.dnsLabel, ['a', 'my-name', '123-abc', 'a'.repeat(63)], ['', 'A', '-a', 'a-', 'a_b', 'a.b', 'a'.repeat(64)]],
    [names.dnsSubdomain, ['a', 'a.b', 'example.com', '1.2'], ['', 'a..b', '.a', 'a.', 'A.b', 'a/b', 'a'.repeat(254)]],
    [
      names.dnsSubdomainWithUnderscores,
      ['_sip._tcp.abc_d.example.com', 'example.com', '_'],
      ['', '.', 'a..b', '-a', 'A.b', 'a'.repeat(254)],
    ],
    [names.dns1035Label, ['a', 'abc-123'], ['1abc', '', 'a.b', 'Abc']],
    [names.qualifiedName, ['app', 'a.b/c', 'My_Name.x', '1'], ['', '/a', 'a/', 'a/b/c', '-a', 'A.b/c', 'x'.repeat(64)]],
    [names.labelValue, ['', 'a', 'A_b-c.d', '1'], ['-a', 'a b', 'a/', 'x'.repeat(64)]],
    [names.envVarName, ['A', 'a b', '1x', 'x.y', '$'], ['', 'a=b', 'ü', 'a\n']],
    [names.configMapKey, ['key.name', 'KEY_NAME', '.x'], ['', '.', '..', '..a', 'a/b', 'a'.repeat(254)]],
    [names.portName, ['http', 'a1-b'], ['', '80', 'a--b', '-a', 'A', 'sixteen-letters-x']],
    [names.ip, ['10.9.8.7', '::1', '2001:db8::ffff'], ['', '1.2.3', '010.1.1.1', 'fe80::1%eth0', '1.2.3.4/8']],
    [names.cidr, ['10.0.0.0/8', '::/0', '0.0.0.0/0'], ['', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '::/129', 'a/8']],
    [names.fieldIp, ['10.9.8.7', '::1'], ['', '010.9.8.7', '::ffff:10.9.8.7', '::ffff:a09:807', 'fe80::1%eth0']],
    [
      names.fieldCidr,
      ['10.0.0.0/8', '::/0', '10.9.8.7/32', 'fd00::/64'],
      ['', '10.9.8.7/24', '010.0.0.0/8', '10.0.0.0/08', 'fd00::1/64', '::ffff:10.0.0.0/104', '10.0.0.0/33', '1/2/3'],
    ],
    [names.pathSegmentName, ['a:b', 'A B'], ['.', '..', 'a/b', 'a%b']],
  ])('%o', (check, good, bad) => {
    for (const value of good) expect(check(value), value).toEqual([]);
    for (const value of bad) expect(check(value), value).not.toEqual([]);
  });

  it('speak as upstream does', () => {
    expect(names.dnsLabel('My')).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is " +
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(names.dnsLabel('a.b')).toEqual(['must not contain dots']);
    expect(names.qualifiedName('a b')).toEqual([
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
        "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]);
    expect(names.dnsSubdomain('')).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
  });

  it('are quick on long and hostile values', () => {
    const hostile = `${'a.'.repeat(100_000)}!`;
    for (const check of [names.dnsLabel, names.dnsSubdomain, names.qualifiedName, names.labelValue]) {
      expect(check(hostile)).not.toEqual([]);
      expect(check(`${'a'.repeat(200_000)}!`)).not.toEqual([]);
    }
  });
});
