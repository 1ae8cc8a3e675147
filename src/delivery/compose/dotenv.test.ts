import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './dotenv.ts';
import { messageOf } from '../../../test/support/compose.ts';

const parse = (text: string, format?: 'raw'): Record<string, string | null> =>
  Object.fromEntries(parseEnvFile(text, { file: '.env', lookup: (name) => ({ HOST: 'h' })[name], format }));

describe('env files', () => {
  it.each([
    ['A=1', '1'],
    ['A: 1', '1'],
    ['export A=1', '1'],
    ['A =  1  ', '1'],
    ['A=1 # comment', '1'],
    ['A=1#no comment', '1#no comment'],
    ['A=', ''],
    ['A=#comment', ''],
    ["A='$HOST # x'", '$HOST # x'],
    ["A='it\\'s'", "it's"],
    ['A="two\\nlines"', 'two\nlines'],
    ['A="two\nlines"', 'two\nlines'],
    ['A="$HOST"', 'h'],
    ['A=${HOST}-${NOT:-d}', 'h-d'],
    ['A="say \\"hi\\""', 'say "hi"'],
    ['A=a=b', 'a=b'],
    ['A="{\\"k\\": 1}" # json', '{"k": 1}'],
    // Cases of compose-go's own tests.
    ['A="escaped\\"bar"', 'escaped"bar'],
    [`A="'d'"`, "'d'"],
    ['A: Foo=bar', 'Foo=bar'],
    ['A=1:B', '1:B'],
    ["export A='\\n'", '\\n'],
    ['\texport\tA=2', '2'],
    ['A="bar#baz#bang" # comment', 'bar#baz#bang'],
    ['A="foo\\$BAR"', 'foo$BAR'],
    ['B=test\nA="foo\\${B} ${B}"', 'foo${B} test'],
    ['A="a://b:3333\nc://d:443"', 'a://b:3333\nc://d:443'],
    ['A=foobar=', 'foobar='],
    ['B="x" A="y"', 'y'],
    ["A='x'B=2", 'x'],
    ['A="x"   \n\nB=2', 'x'],
    ['A="\\0123\\t\\0" # octal', 'S\t\\'],
    ['B=\'x\\ny\'\nA="$B"', 'x\\ny'],
  ])('%j gives %j', (text, expected) => {
    expect(parse(text)['A']).toBe(expected);
  });

  it('uses values of lines before, and keeps the order', () => {
    expect(parse('\uFEFF# top\r\nA=1\r\n\r\nB=$A$A\nC\n')).toEqual({ A: '1', B: '11', C: null });
  });

  it('takes letters of every language for names, and no other signs', () => {
    expect(parse('é_1=x\nA.B-C[0]=y')).toEqual({ é_1: 'x', 'A.B-C[0]': 'y' });
    expect(messageOf(() => parse('lol$wut'))).toBe('.env:1: unexpected character in variable name near "lol$wut"');
    expect(messageOf(() => parse('A="x" "secret"'))).toBe('.env:1: unexpected text after a value');
  });

  it('takes raw files as they are', () => {
    expect(parse('A="q" # x\nB=$HOST', 'raw')).toEqual({ A: '"q" # x', B: '$HOST' });
  });

  it('names the line of a mistake and never a value', () => {
    expect(messageOf(() => parse('A=1\nB="secret'))).toBe('.env:2: the value of B has no closing quote');
    expect(messageOf(() => parse('A=1\n\nB C=hunter2'))).toBe('.env:3: variable name "B" contains whitespace');
  });
});
