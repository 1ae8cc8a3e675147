import { buildImage, type Architecture, type ImageContent } from './oci-image.ts';
import { writeTar } from './tar.ts';

/** The image of every sandbox. It exists nowhere else: each node makes it from the bytes below. */
export const pauseImageName = 'timonel.local/pause:1';

/**
 * The process that holds a pod's namespaces: it ends at SIGTERM, ignores SIGCHLD, by which the kernel reaps every
 * orphan of a shared process namespace (sigaction(2)), and sleeps.
 */
export function buildPauseImage(architecture: Architecture): ImageContent {
  const data = pauseProgram(architecture);
  const layer = writeTar([{ path: 'pause', mode: 0o755, content: { kind: 'file', data } }]);
  return buildImage(layer, architecture, { Entrypoint: ['/pause'] });
}

const machines = { amd64: 62, arm64: 183 };
const loadAddress = 0x400000;
const headersSize = 64 + 56;

/** A static ELF executable: file header, one program header (everything readable and executable), the code. */
function pauseProgram(architecture: Architecture): Uint8Array {
  const code = architecture === 'amd64' ? amd64Code() : arm64Code();
  const out = Buffer.alloc(headersSize);
  out.write('\u007fELF\u0002\u0001\u0001', 0, 'latin1');
  out.writeUInt16LE(2, 16);
  out.writeUInt16LE(machines[architecture], 18);
  out.writeUInt32LE(1, 20);
  out.writeBigUInt64LE(BigInt(loadAddress + headersSize), 24);
  out.writeBigUInt64LE(64n, 32);
  out.writeUInt16LE(64, 52);
  out.writeUInt16LE(56, 54);
  out.writeUInt16LE(1, 56);
  const size = BigInt(headersSize + code.length);
  out.writeUInt32LE(1, 64);
  out.writeUInt32LE(5, 68);
  out.writeBigUInt64LE(BigInt(loadAddress), 80);
  out.writeBigUInt64LE(BigInt(loadAddress), 88);
  out.writeBigUInt64LE(size, 96);
  out.writeBigUInt64LE(size, 104);
  out.writeBigUInt64LE(0x10000n, 112);
  return Buffer.concat([out, code]);
}

/** The kernel's sigaction is four words on the stack: handler, flags, restorer, mask. */
function amd64Code(): Uint8Array {
  const act = '4889e6 31d2 41ba08000000 b80d000000 0f05'; // mov rsi, rsp; xor edx, edx; mov r10d, 8; rt_sigaction
  const end = bytesOf('31ff b8e7000000 0f05'); // xor edi, edi; exit_group
  const sleep = bytesOf('b822000000 0f05 ebf7'); // again: pause; jmp again
  const ignore = bytesOf(`6a00 6a00 6a00 6a01 bf11000000 ${act}`); // SIGCHLD (17): SIG_IGN (1)
  const handle = (address: number): Buffer =>
    // SIGTERM (15): the address. The kernel wants a restorer announced (SA_RESTORER), though nothing ever returns.
    bytesOf(`6a00 6a00 6800000004 68${littleEndian(address)} bf0f000000 ${act}`);
  const before = handle(0).length + ignore.length + sleep.length;
  return Buffer.concat([handle(loadAddress + headersSize + before), ignore, sleep, end]);
}

function arm64Code(): Uint8Array {
  const set = (register: number, value: number): number => 0xd2800000 | (value << 5) | register;
  const call = 0xd4000001;
  // stp x0, xzr, [sp, #-32]!; stp xzr, xzr, [sp, #16]; mov x1, sp; then rt_sigaction(signal, sp, null, 8)
  const push = [0xa9be7fe0, 0xa9017fff, 0x910003e1];
  const act = (signal: number): number[] => [...push, set(0, signal), set(2, 0), set(3, 8), set(8, 134), call];
  const ignore = [set(0, 1), ...act(17)];
  // again: ppoll(null, 0, null, null); b again
  const sleep = [set(0, 0), set(1, 0), set(2, 0), set(3, 0), set(4, 0), set(8, 73), call, 0x17fffff9];
  const handle = (address: number): number[] => [
    set(0, address & 0xffff),
    0xf2a00000 | ((address >>> 16) << 5), // movk x0, address, lsl #16
    ...act(15),
  ];
  const before = (handle(0).length + ignore.length + sleep.length) * 4;
  const words = [...handle(loadAddress + headersSize + before), ...ignore, ...sleep, set(0, 0), set(8, 94), call];
  const out = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => out.writeUInt32LE(word >>> 0, i * 4));
  return out;
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function littleEndian(value: number): string {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out.toString('hex');
}
