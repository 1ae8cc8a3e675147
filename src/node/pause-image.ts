import { buildImage, type Architecture, type ImageContent } from './oci-image.ts';
import { writeTar } from './tar.ts';

/** The image of every sandbox. It exists nowhere else: each node makes it from the bytes below. */
export const pauseImageName = 'timonel.local/pause:1';

/**
 * The process that holds a pod's namespaces: it ignores SIGCHLD, by which the kernel reaps every orphan of a shared
 * process namespace (sigaction(2)), and sleeps for ever. Runtimes end it with SIGKILL.
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

/** The kernel's sigaction is four words on the stack: SIG_IGN (1), flags, restorer, mask. */
function amd64Code(): Uint8Array {
  return Buffer.from(
    [
      '6a00 6a00 6a00 6a01', // push 0 (mask); push 0 (restorer); push 0 (flags); push 1 (handler)
      '4889e6 bf11000000 31d2 41ba08000000', // mov rsi, rsp; mov edi, SIGCHLD; xor edx, edx; mov r10d, 8
      'b80d000000 0f05', // mov eax, rt_sigaction; syscall
      'b822000000 0f05 ebf7', // again: mov eax, pause; syscall; jmp again
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  );
}

function arm64Code(): Uint8Array {
  const set = (register: number, value: number): number => 0xd2800000 | (value << 5) | register;
  const call = 0xd4000001;
  const words = [
    set(0, 1),
    0xa9be7fe0, // stp x0, xzr, [sp, #-32]!
    0xa9017fff, // stp xzr, xzr, [sp, #16]
    0x910003e1, // mov x1, sp
    ...[set(0, 17), set(2, 0), set(3, 8), set(8, 134), call], // rt_sigaction(SIGCHLD, sp, null, 8)
    ...[set(0, 0), set(1, 0), set(2, 0), set(3, 0), set(4, 0), set(8, 73), call], // again: ppoll(null, 0, null, null)
    0x17fffff9, // b again
  ];
  const out = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => out.writeUInt32LE(word >>> 0, i * 4));
  return out;
}
