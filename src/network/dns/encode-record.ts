import type { DnsRecord } from './cluster-zone.ts';
import { ipv6Bytes } from './ipv6-bytes.ts';
import { headerLength, typeNumbers } from './wire.ts';

const classInternet = 1;

/** One record as bytes (RFC 1035, 4.1.3), for an answer to a question about `questionName`. */
export function encodeRecord(record: DnsRecord, questionName: string): Buffer {
  const data = encodeData(record, questionName);
  const owner = encodeName(record.name, questionName);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(typeNumbers[record.type], 0);
  fixed.writeUInt16BE(classInternet, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function encodeData(record: DnsRecord, questionName: string): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.data.split('.').map(Number));
    case 'AAAA':
      return ipv6Bytes(record.data);
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return encodeName(record.data, questionName);
    case 'TXT': {
      const text = Buffer.from(record.data).subarray(0, 255);
      return Buffer.concat([Buffer.of(text.length), text]);
    }
    case 'SRV': {
      const { priority, weight, port, target } = record.data;
      const numbers = Buffer.alloc(6);
      [priority, weight, port].forEach((value, i) => numbers.writeUInt16BE(value, i * 2));
      // Targets are never compressed (RFC 2782).
      return Buffer.concat([numbers, encodeName(target, '')]);
    }
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
      const numbers = Buffer.alloc(20);
      [serial, refresh, retry, expire, minimum].forEach((value, i) => numbers.writeUInt32BE(value, i * 4));
      return Buffer.concat([encodeName(mname, questionName), encodeName(rname, questionName), numbers]);
    }
  }
}

/** Labels, up to where the question's own name has the rest: then a pointer there. */
function encodeName(name: string, questionName: string): Buffer {
  const parts: Buffer[] = [];
  let rest = name.replace(/\.$/, '');
  while (rest !== '') {
    const shared = sharedAt(rest, questionName);
    if (shared !== undefined) return Buffer.concat([...parts, Buffer.of(0xc0 | (shared >> 8), shared & 0xff)]);
    const dot = rest.indexOf('.');
    const label = Buffer.from(dot < 0 ? rest : rest.slice(0, dot)).subarray(0, 63);
    parts.push(Buffer.of(label.length), label);
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  return Buffer.concat([...parts, Buffer.of(0)]);
}

/** Where in the message the question's name ends in `suffix`: each label has its length before it, as text has its dot. */
function sharedAt(suffix: string, questionName: string): number | undefined {
  if (questionName === suffix) return headerLength;
  return questionName.endsWith(`.${suffix}`) ? headerLength + questionName.length - suffix.length : undefined;
}
