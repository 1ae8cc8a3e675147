import { describe, expect, it } from 'vitest';
import { installLine, requireCommand, type Prerequisite } from './prerequisites.ts';

const lacking = (need: string, fix: string | undefined): Prerequisite => ({
  need,
  found: false,
  why: '',
  fix,
  for: 'up',
});

describe('the prerequisites of a host', () => {
  it('are installed by one line, each package once', () => {
    const list = [
      lacking('containerd', 'apt-get install -y containerd'),
      lacking('ctr', 'apt-get install -y containerd'),
      lacking('runc', 'apt-get install -y runc'),
      { ...lacking('ip', 'apt-get install -y iproute2'), found: true },
      lacking('root', 'sudo -E timonel up'),
    ];
    expect(installLine(list)).toBe('apt-get install -y containerd runc');
    expect(installLine([lacking('root', undefined)])).toBeUndefined();
  });

  it('are asked for by a sentence that names the package', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      // Debian's own directories are looked at in any case: only what lies nowhere is missing.
      expect(() => requireCommand('umount')).not.toThrow();
      expect(() => requireCommand('teleport')).toThrow('not a known prerequisite');
    } finally {
      process.env['PATH'] = path;
    }
  });
});
