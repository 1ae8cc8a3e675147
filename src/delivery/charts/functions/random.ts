import type { Random } from '../../../base/random.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { checkLength } from './text.ts';

const digits = '0123456789';
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** From space to `~`, as the library has it: 32 to 126. */
const asciiCharacters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');

/** Sprig's random strings and numbers. */
export function randomFunctions(random: Random): FunctionMap {
  const text = (alphabet: string): FunctionMap[string] =>
    goFunction(['int'], (count) => {
      checkLength(count);
      let out = '';
      for (let i = 0; i < count; i++) out += alphabet[random.int(alphabet.length)];
      return out;
    });
  return {
    randAlphaNum: text(letters + digits),
    randAlpha: text(letters),
    randNumeric: text(digits),
    randAscii: text(asciiCharacters),
    randBytes: goFunction(['int'], (count) => {
      if (count < 0) throw new Error('runtime error: makeslice: len out of range');
      checkLength(count);
      return Buffer.from(Uint8Array.from({ length: count }, () => random.int(256))).toString('base64');
    }),
    randInt: goFunction(['int', 'int'], (min, max) => {
      if (max <= min) throw new Error('invalid argument to Intn');
      return BigInt(min + random.int(max - min));
    }),
    shuffle: goFunction(['string'], (word) => {
      const runes = Array.from(word);
      for (let i = runes.length - 1; i > 0; i--) {
        const j = random.int(i + 1);
        [runes[i], runes[j]] = [runes[j] as string, runes[i] as string];
      }
      return runes.join('');
    }),
    uuidv4: goFunction([], () => random.uuid()),
  };
}
