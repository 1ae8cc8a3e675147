// Loads a DNS server, from the network namespace that it is started in, and prints figures as JSON:
//   node bench/dns-load.mjs SERVER NAME...
// Latency is taken at 1,000 questions a second, throughput with 64 questions under way, each for three seconds.
import { createSocket } from 'node:dgram';

const [server, ...names] = process.argv.slice(2);
const queries = names.map((name) => {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  return Buffer.concat([Buffer.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0), ...labels, Buffer.of(0, 0, 1, 0, 1)]);
});
const sentAt = new Float64Array(65_536);
let id = 0;
let onAnswer = () => {};
const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
socket.on('message', (answer) => onAnswer(answer.readUInt16BE(0), answer.readUInt8(3) & 0xf));
await new Promise((resolve) => socket.connect(53, server, resolve));

function send() {
  id = (id + 1) & 0xffff;
  const query = queries[id % queries.length];
  query.writeUInt16BE(id, 0);
  sentAt[id] = performance.now();
  socket.send(Buffer.from(query));
}

async function latency(durationMs) {
  const times = [];
  let failed = 0;
  onAnswer = (answered, rcode) => {
    times.push(performance.now() - sentAt[answered]);
    if (rcode !== 0) failed++;
  };
  const end = performance.now() + durationMs;
  let sent = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      send();
      sent++;
      if (performance.now() < end) return;
      clearInterval(timer);
      setTimeout(resolve, 100);
    }, 1);
  });
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(times.length * part)];
  return { p50: at(0.5), p99: at(0.99), lost: sent - times.length, failed };
}

async function throughput(durationMs) {
  let answered = 0;
  const start = performance.now();
  let isOver = false;
  onAnswer = () => {
    answered++;
    if (!isOver) send();
  };
  for (let i = 0; i < 64; i++) send();
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  isOver = true;
  const perSecond = answered / ((performance.now() - start) / 1000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  return perSecond;
}

await throughput(1000);
const result = { latency: await latency(3000), perSecond: Math.round(await throughput(3000)) };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
