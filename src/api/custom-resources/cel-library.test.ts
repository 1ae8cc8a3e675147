import { describe, expect, it } from 'vitest';
import { checkRules, expressionProblem } from './cel-rules.ts';
import { structuralSchema } from './structural-schema.ts';

const value = { name: 'web', wait: '90s', since: '2026-01-01T00:00:00Z', nested: { port: 80 } };

/** What a rule of that value comes to, or why it cannot be judged. */
function judge(rule: string): boolean | string {
  const problem = expressionProblem(rule, 'bool');
  if (problem !== undefined) return problem;
  const schema = structuralSchema({
    type: 'object',
    properties: {
      name: { type: 'string' },
      wait: { type: 'string', format: 'duration' },
      since: { type: 'string', format: 'date-time' },
      nested: { type: 'object', properties: { port: { type: 'integer' } } },
    },
    'x-kubernetes-validations': [{ rule }],
  });
  const [cause] = checkRules(value, schema, '');
  if (!cause) return true;
  const message = cause.message ?? '';
  return message.includes('failed rule') ? false : message;
}

describe('rules know of', () => {
  it.each([
    [
      'addresses',
      "ip('10.0.0.1').family() == 4 && ip('2001:DB8::1').family() == 6 && isIP('::1') && !isIP('10.0.0.300')",
    ],
    ['their canonical form', "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8:0::1')"],
    [
      'addresses that are the same',
      "ip('2001:DB8:0::1') == ip('2001:db8::1') && string(ip('2001:DB8:0::1')) == '2001:db8::1'",
    ],
    ['the machine itself', "ip('127.0.0.1').isLoopback() && ip('::1').isLoopback() && !ip('::2').isLoopback()"],
    [
      'the world',
      "ip('8.8.8.8').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('ff02::1').isGlobalUnicast()",
    ],
    [
      'the link',
      "ip('169.254.1.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()",
    ],
    ['groups on the link', "ip('ff02::1').isLinkLocalMulticast() && !ip('ff05::1').isLinkLocalMulticast()"],
    ['nowhere', "ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified() && !ip('::1').isUnspecified()"],
    [
      'no zones, and no addresses in others',
      "!isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4') && !isCIDR('::ffff:1.2.3.4/120')",
    ],
    ['blocks', "cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.0'))"],
    [
      'blocks in blocks',
      "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR(cidr('10.0.0.0/7'))",
    ],
    ['families apart', "!cidr('::/0').containsIP('10.0.0.1') && cidr('::/0').containsIP('::1')"],
    [
      'parts of blocks',
      "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && cidr('10.1.2.3/8').prefixLength() == 8",
    ],
    ['what blocks are called', "string(cidr('10.1.2.3/8')) == '10.1.2.3/8'"],
    ['versions', "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))"],
    [
      'the order of what comes before versions',
      "semver('1.0.0-alpha.2').isLessThan(semver('1.0.0-alpha.10')) && semver('1.0.0-1').isLessThan(semver('1.0.0-a'))",
    ],
    [
      'more of it',
      "semver('1.0.0-a').isLessThan(semver('1.0.0-a.1')) && semver('1.0.0+x').compareTo(semver('1.0.0+y')) == 0",
    ],
    [
      'parts of versions',
      "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    ],
    [
      'what is a version',
      "isSemver('1.2.3-rc.1+b') && !isSemver('v1.2.3') && !isSemver('1.2') && !isSemver('01.2.3') && isSemver('v1.02', true)",
    ],
    ['formats', "!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()"],
    ['formats by name', "format.named('uuid').value().validate('x').hasValue() && !format.named('nope').hasValue()"],
    ['what formats say', "format.dns1123Label().validate('-').value().size() > 0"],
    [
      'beginnings of names',
      "!format.dns1123LabelPrefix().validate('a-').hasValue() && format.dns1123Label().validate('a-').hasValue()",
    ],
    ['quantities and numbers', "quantity('1Gi').add(1).sub(1) == quantity('1024Mi')"],
    ['what a URL asks', "url('http://a/b?x=1&x=2').getQuery()['x'] == ['1', '2']"],
    [
      'spans of fields',
      "duration(self.wait) > duration('1m') && string(self.wait) == '90s' && string(duration('250ms')) == '0.25s'",
    ],
    [
      'times of fields',
      "timestamp(self.since) == self.since && string(self.since) == '2026-01-01T00:00:00Z' && int(self.since) == 1767225600",
    ],
    [
      'optional values',
      'self.?nested.?port.optMap(p, p * 2).orValue(0) == 160 && !self.?no.optMap(x, x == 1).hasValue()',
    ],
    [
      '… that may be missing twice',
      'self.?nested.optFlatMap(n, n.?port).value() == 80 && !self.?nested.optFlatMap(n, n.?x).hasValue()',
    ],
    ['their own names all the same', '[1].all(ip, ip > 0) && [1].all(format, format > 0)'],
  ])('%s: %s', (_what, rule) => expect(judge(rule)).toBe(true));

  it.each([
    ["ip('x').family() == 4", 'IP Address "x" parse error during conversion from string'],
    ["cidr('10.0.0.0').prefixLength() == 4", 'network address parse error during conversion from string: 10.0.0.0'],
    ["semver('1').major() == 1", 'semver parse error during conversion from string: 1'],
  ])('no value of %s', (rule, message) => expect(judge(rule)).toContain(message));

  it.each([
    ["ip('10.0.0.1') == '10.0.0.1'", 'no matching overload'],
    ['self.?a.optMap(1, true).hasValue()', 'the first argument must be a name'],
  ])('no rule as %s', (rule, message) => expect(judge(rule)).toContain(message));
});
