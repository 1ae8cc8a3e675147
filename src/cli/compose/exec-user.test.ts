import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { asUser } from './exec-user.ts';

/** What a command prints as the present user, with these in the place of the container's programs. */
function ran(user: string, command: string[]): string {
  const programs = 'su() { echo su "$@"; exit; }; setpriv() { echo setpriv "$@"; exit; }; ';
  const [shell = '', flag = '', script = '', ...words] = asUser(user, command);
  const replaced = programs + script.replaceAll(/exec (su|setpriv) /g, '$1 ');
  return execFileSync(shell, [flag, replaced, ...words], { encoding: 'utf8' }).trim();
}

describe('a command that another user runs', () => {
  it('is left alone where nobody is named', () => {
    expect(asUser(undefined, ['ls', '-l'])).toEqual(['ls', '-l']);
  });

  it('is run as it is by the user who is there already', () => {
    const uid = execFileSync('id', ['-u'], { encoding: 'utf8' }).trim();
    expect(ran(uid, ['echo', 'a b', '-n'])).toBe('a b -n');
  });

  it('goes by su for a name, by setpriv for numbers and groups', () => {
    expect(ran('postgres', ['psql', '-l'])).toBe('su -s /bin/sh -c exec "$0" "$@" -- postgres psql -l');
    expect(ran('1234', ['id'])).toBe('setpriv --reuid=1234 --regid=0 --clear-groups -- id');
    expect(ran('app:staff', ['id'])).toBe('setpriv --reuid=app --regid=staff --clear-groups -- id');
  });
});
