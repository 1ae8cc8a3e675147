// Asks a DNS server for a name's address every millisecond, in the network namespace that it is started in, and prints
// each new address with the time (milliseconds since the epoch) at which it was first in an answer:
//   node bench/dns-change.mjs SERVER NAME
import { createSocket } from 'node:dgram';

const [server, name] = process.argv.slice(2);
const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
const query = Buffer.concat([Buffer.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0), ...labels, Buffer.of(0, 0, 1, 0, 1)]);
let known = '';
const socket = createSocket('udp4');
socket.on('message', (answer) => {
  if (answer.readUInt16BE(6) === 0) return;
  // One address, after the question and the twelve bytes before an answer's data.
  const address = [...answer.subarray(query.length + 12, query.length + 16)].join('.');
  if (address === known) return;
  known = address;
  process.stdout.write(`${JSON.stringify({ address, at: performance.timeOrigin + performance.now() })}\n`);
});
await new Promise((resolve) => socket.connect(53, server, resolve));
setInterval(() => socket.send(query), 1);
