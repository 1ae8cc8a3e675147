import { describe, expect, it } from 'vitest';
import { variableOfFile } from './env-file.ts';

describe('a variable of an environment file', () => {
  it.each([
    ["A='one'\nB='two'\n", 'B', 'two'],
    ["  \t A='one'", 'A', 'one'],
    ["# A='no'\n\n   \nA='one' # why\n", 'A', 'one'],
    ["A=''", 'A', ''],
    ["A= 'one'\nB='two'", 'A', ''],
    ["A= 'one'\nB='two'", 'B', 'two'],
    ["A='first\n  # kept\nlast'\nB='two'", 'A', 'first\n  # kept\nlast'],
    ["A='first\nB='\nB='two'", 'B', 'two'],
    ['A=\'$HOME \\n "x" a=b\'', 'A', '$HOME \\n "x" a=b'],
    ["A='one'\r\nB='two'\r\n", 'B', 'two'],
    ["A='one'", 'C', undefined],
    ['', 'A', undefined],
  ])('is read: %j, %s', (text, key, value) => {
    expect(variableOfFile(text, key)).toBe(value);
  });

  it.each([
    ['A', "at line 1: missing '='"],
    ["# one\n='x'", 'at line 2: empty variable name'],
    ["A ='x'", "at line 1: whitespace before '=' is not allowed"],
    ['A=x', 'at line 1: value must be enclosed in single quotes'],
    ['A="x"', 'at line 1: value must be enclosed in single quotes'],
    ["A='x'y", 'at line 1: unexpected content after closing quote'],
    ["B='1'\nA='x\ny", 'starting at line 2: unclosed single quote'],
  ])('is refused with its line: %j', (text, message) => {
    expect(() => variableOfFile(text, 'Z')).toThrow(`invalid environment variable format ${message}`);
  });
});
