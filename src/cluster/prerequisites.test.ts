import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPrerequisites, installLine, requireCommand, type Prerequisite } from './prerequisites.ts';

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

describe('the kernel of a host', () => {
  let root: string;
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  const lacks = (need: string): boolean =>
    checkPrerequisites(root).some((check) => check.need === need && !check.found && check.for === 'up');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'host-'));
    write('proc/sys/kernel/osrelease', '5.10.0-9-amd64\n');
    write('proc/filesystems', 'nodev\ttmpfs\nnodev\toverlay\n');
    write('sys/fs/cgroup/cgroup.controllers', 'cpu memory');
    write('proc/self/ns/net', '');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is enough from 5.4 on', () => {
    expect(lacks('Linux 5.4 or later')).toBe(false);
    write('proc/sys/kernel/osrelease', '4.19.0-27-amd64\n');
    expect(lacks('Linux 5.4 or later')).toBe(true);
    write('proc/sys/kernel/osrelease', '5.4.0\n');
    expect(lacks('Linux 5.4 or later')).toBe(false);
  });

  it('must have control groups, of either version', () => {
    rmSync(join(root, 'sys/fs/cgroup/cgroup.controllers'));
    expect(lacks('control groups')).toBe(true);
    mkdirSync(join(root, 'sys/fs/cgroup/memory'));
    expect(lacks('control groups')).toBe(false);
  });

  it('may have overlay mounts as a module that is not loaded yet', () => {
    write('proc/filesystems', 'nodev\ttmpfs\n');
    expect(lacks('overlay file system')).toBe(true);
    write('lib/modules/5.10.0-9-amd64/modules.dep', 'kernel/fs/overlayfs/overlay.ko.xz:\n');
    expect(lacks('overlay file system')).toBe(false);
  });
});
