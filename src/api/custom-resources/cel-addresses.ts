import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { familyOf, ipOfNumber, numberOfIp, parseIpBlock, type IpBlock } from '../../base/ip-address.ts';
import { cidr as cidrProblems, ip as ipProblems } from '../names.ts';

/** An address in a rule, in its canonical form. */
class CelIp {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A block of addresses in a rule: an address, which may have bits past the prefix, and the prefix's length. */
class CelCidr {
  readonly address: string;
  readonly length: number;
  readonly block: IpBlock;
  constructor(address: string, length: number) {
    this.address = address;
    this.length = length;
    this.block = parseIpBlock(`${address}/${length}`) as IpBlock;
  }
}

/** What `ip.isCanonical` is called on. */
class IpNamespace {}

/** Addresses of IPv4 in those of IPv6 and zones are none for rules. */
function isAddress(text: string): boolean {
  return ipProblems(text).length === 0 && !isMapped(text);
}

function isMapped(text: string): boolean {
  return text.includes(':') && numberOfIp(text) >> 32n === 0xffffn;
}

function canonical(text: string): string {
  return ipOfNumber(numberOfIp(text), familyOf(text));
}

function parseIp(text: string): CelIp {
  if (!isAddress(text)) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return new CelIp(canonical(text));
}

function isCidr(text: string): boolean {
  return cidrProblems(text).length === 0 && !isMapped(text.slice(0, text.indexOf('/')));
}

function parseCidr(text: string): CelCidr {
  if (!isCidr(text)) throw new Error(`network address parse error during conversion from string: ${text}`);
  const [address = '', length = ''] = text.split('/');
  return new CelCidr(canonical(address), Number(length));
}

/** Which bits an address begins with: `[value, how many]` for IPv4 and IPv6. */
function begins(address: string, v4: readonly [string, number], v6: readonly [string, number]): boolean {
  const family = familyOf(address);
  const [prefix, length] = family === 'IPv4' ? v4 : v6;
  const shift = BigInt((family === 'IPv4' ? 32 : 128) - length);
  return numberOfIp(address) >> shift === numberOfIp(prefix) >> shift;
}

const isUnspecified = ({ text }: CelIp): boolean => numberOfIp(text) === 0n;
const isLoopback = ({ text }: CelIp): boolean => begins(text, ['127.0.0.0', 8], ['::1', 128]);
const isMulticast = ({ text }: CelIp): boolean => begins(text, ['224.0.0.0', 4], ['ff00::', 8]);
const isLinkLocalMulticast = ({ text }: CelIp): boolean =>
  begins(text, ['224.0.0.0', 24], ['ff02::', 16]) ||
  (text.includes(':') && isMulticast({ text }) && ((numberOfIp(text) >> 112n) & 0xfn) === 2n);
const isLinkLocalUnicast = ({ text }: CelIp): boolean => begins(text, ['169.254.0.0', 16], ['fe80::', 10]);
const isGlobalUnicast = (address: CelIp): boolean =>
  !isUnspecified(address) &&
  !isLoopback(address) &&
  !isMulticast(address) &&
  !isLinkLocalUnicast(address) &&
  address.text !== '255.255.255.255';

function contains({ block, length }: CelCidr, address: string, addressLength: number): boolean {
  const number = numberOfIp(address);
  return (
    familyOf(address) === block.family &&
    addressLength >= length &&
    number >= block.first &&
    number < block.first + block.size
  );
}

const containsIp = (block: CelCidr, { text }: CelIp): boolean => contains(block, text, Infinity);
const containsCidr = (block: CelCidr, inner: CelCidr): boolean => contains(block, inner.address, inner.length);

/** The libraries of addresses and of their blocks (API documentation, "Common Expression Language in Kubernetes"). */
export function registerAddresses(environment: Environment): void {
  environment
    .registerType('IP', { ctor: CelIp, fields: {} })
    .registerType('CIDR', { ctor: CelCidr, fields: {} })
    .registerType('IpNamespace', { ctor: IpNamespace, fields: {} })
    .registerConstant('ip', 'IpNamespace', new IpNamespace())
    .registerFunction('isIP(string): bool', isAddress)
    .registerFunction('ip(string): IP', parseIp)
    .registerFunction('IpNamespace.isCanonical(string): bool', (_: IpNamespace, text: string) => {
      return parseIp(text).text === text;
    })
    .registerFunction('string(IP): string', ({ text }: CelIp) => text)
    .registerOperator('IP == IP', (a: CelIp, b: CelIp) => a.text === b.text)
    .registerFunction('IP.family(): int', ({ text }: CelIp) => (familyOf(text) === 'IPv4' ? 4n : 6n))
    .registerFunction('IP.isUnspecified(): bool', isUnspecified)
    .registerFunction('IP.isLoopback(): bool', isLoopback)
    .registerFunction('IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast)
    .registerFunction('IP.isLinkLocalUnicast(): bool', isLinkLocalUnicast)
    .registerFunction('IP.isGlobalUnicast(): bool', isGlobalUnicast)
    .registerFunction('isCIDR(string): bool', isCidr)
    .registerFunction('cidr(string): CIDR', parseCidr)
    .registerFunction('string(CIDR): string', ({ address, length }: CelCidr) => `${address}/${length}`)
    .registerOperator('CIDR == CIDR', (a: CelCidr, b: CelCidr) => a.address === b.address && a.length === b.length)
    .registerFunction('CIDR.ip(): IP', ({ address }: CelCidr) => new CelIp(address))
    .registerFunction('CIDR.prefixLength(): int', ({ length }: CelCidr) => BigInt(length))
    .registerFunction('CIDR.masked(): CIDR', ({ block, length }: CelCidr) => {
      return new CelCidr(ipOfNumber(block.first, block.family), length);
    })
    .registerFunction('CIDR.containsIP(IP): bool', containsIp)
    .registerFunction('CIDR.containsIP(string): bool', (block: CelCidr, text: string) =>
      containsIp(block, parseIp(text)),
    )
    .registerFunction('CIDR.containsCIDR(CIDR): bool', containsCidr)
    .registerFunction('CIDR.containsCIDR(string): bool', (block: CelCidr, text: string) =>
      containsCidr(block, parseCidr(text)),
    );
}
