import { describe, expect, it } from 'vitest';
import { Option } from 'commander';
import { commandFirst, plainWords } from './kube-command.ts';

const options = [
  new Option('-o, --output <format>', ''),
  new Option('-w, --watch', ''),
  new Option('--no-headers', ''),
  new Option('--wait [true|false]', ''),
  new Option('--dry-run [mode]', '').preset('client'),
];
const plain = (line: string): string => plainWords(line.split(' '), options).join(' ');

describe('a line of kubectl’s', () => {
  it.each([
    ['pods -o=wide', 'pods -o wide'],
    ['pods --output=name -oyaml', 'pods --output=name -oyaml'],
    ['pods --watch=true', 'pods --watch'],
    ['pods -w=false --no-headers=0', 'pods'],
    ['pods --no-headers=true', 'pods --no-headers'],
    ['--wait pod x', '--wait=true pod x'],
    ['--wait=false pod x', '--wait=false pod x'],
    ['--dry-run pod', '--dry-run=client pod'],
    ['--dry-run=server pod', '--dry-run=server pod'],
    ['-o --watch=false', '-o --watch=false'],
    ['pod -- -o=x --watch=false', 'pod -- -o=x --watch=false'],
    ['pods --watch=perhaps --other=false', 'pods --watch=perhaps --other=false'],
  ])('%s is %s', (line, expected) => expect(plain(line)).toBe(expected));
});

describe('flags of a cluster before the command', () => {
  const first = (line: string): string => commandFirst(line.split(' ')).join(' ');
  it.each([
    ['-n shop get pods', 'get pods -n shop'],
    ['--context=a --as jane exec web -- ls -l', 'exec web --context=a --as jane -- ls -l'],
    ['-nshop --insecure-skip-tls-verify get pods', 'get pods -nshop --insecure-skip-tls-verify'],
    ['get pods -n shop', 'get pods -n shop'],
    ['--version', '--version'],
    ['-n shop', '-n shop'],
  ])('%s is %s', (line, expected) => expect(first(line)).toBe(expected));
});
