import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityToMilli,
  quantityToNumber,
  subtractQuantities,
} from './quantity.ts';

describe('quantities', () => {
  it.each([
    ['0.5', '500m'],
    ['0.1', '100m'],
    ['1.5', '1500m'],
    ['1000m', '1'],
    ['100m', '100m'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Gi', '512Mi'],
    ['1000', '1k'],
    ['1000k', '1M'],
    ['128Mi', '128Mi'],
    ['2048Mi', '2Gi'],
    ['1e3', '1e3'],
    ['1000e3', '1e6'],
    ['1e-3', '1e-3'],
    ['1.1Ki', '1126400m'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['1Ei', '1Ei'],
    ['100Ei', '9223372036854775807'],
    ['0', '0'],
    ['000', '0'],
    ['0Mi', '0'],
    ['-5', '-5'],
    ['+5', '+5'],
    ['1.500', '1.500'],
    ['8Ki', '8Ki'],
    ['1u', '1u'],
    ['123456789', '123456789'],
    ['16409480Ki', '16409480Ki'],
    ['.5', '500m'],
    ['5.', '5.'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  it('takes JSON numbers', () => {
    expect([0.5, 2, 1000, 1e21].map(canonicalQuantity)).toEqual(['500m', '2', '1k', '1e+21']);
  });

  it.each(['', 'abc', '1 Gi', '1Gb', '1.2.3', '1e', '1KI', '--1', '0x10', '1e999999999'])('refuses %j', (text) => {
    expect(text === 'Mi' || parseQuantity(text) === undefined).toBe(true);
    if (text !== 'Mi') expect(() => canonicalQuantity(text)).toThrow();
  });

  it('says what is wrong in the words of upstream', () => {
    expect(() => canonicalQuantity('1 Gi')).toThrow(/^quantities must match the regular expression/);
    expect(() => canonicalQuantity('1Gb')).toThrow(/^quantities must match the regular expression/);
    expect(() => canonicalQuantity('1GG')).toThrow("unable to parse quantity's suffix");
  });

  it('compares across formats', () => {
    expect(compareQuantities('1Gi', '1G')).toBe(1);
    expect(compareQuantities('1000m', '1')).toBe(0);
    expect(compareQuantities('-1', '0')).toBe(-1);
  });

  it('adds and subtracts exactly, in the format of the first', () => {
    expect(addQuantities('100m', '0.9')).toBe('1');
    expect(addQuantities('1Gi', '512Mi')).toBe('1536Mi');
    expect(addQuantities('0', '1Gi')).toBe('1Gi');
    expect(subtractQuantities('1Gi', '1')).toBe('1073741823');
    expect(subtractQuantities('1', '1100m')).toBe('-100m');
  });

  it('converts to plain numbers, rounding up', () => {
    expect(['1', '100m', '1.5', '1Gi', '0', '-1.5', '2k'].map(quantityToNumber)).toEqual([
      1, 1, 2, 1073741824, 0, -2, 2000,
    ]);
    expect(['1', '100m', '1.5', '1u', '0'].map(quantityToMilli)).toEqual([1000, 100, 1500, 1, 0]);
  });

  it('writes a text that it reads as the same amount', () => {
    const random = seededRandom(7);
    const suffixes = ['', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'e3', 'E-2'];
    for (let i = 0; i < 3000; i++) {
      const fraction = random.int(3) === 0 ? `.${random.int(100000)}` : '';
      const text = `${random.int(2) ? '' : '-'}${random.int(10 ** random.int(9))}${fraction}${suffixes[random.int(13)]}`;
      const amount = parseQuantity(text);
      expect(amount, text).toBeDefined();
      if (!amount) continue;
      expect(parseQuantity(formatQuantity(amount))?.nano, text).toBe(amount.nano);
      expect(parseQuantity(canonicalQuantity(text))?.nano, text).toBe(amount.nano);
      expect(canonicalQuantity(canonicalQuantity(text)), text).toBe(canonicalQuantity(text));
    }
  });
});
