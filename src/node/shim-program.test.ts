import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { decode, int, message } from './protobuf.ts';
import { renderShimProgram } from './shim-program.ts';

/** The script runs for real; the shim behind it is a program that says how it was called. */
describe("the program before containerd's shim", () => {
  const directory = mkdtempSync(join(tmpdir(), 'shim-program-'));
  const runcRoot = join(directory, 'runc');
  const bundle = join(directory, 'bundle');
  const answered = [0x10, 0x89, 0x01];

  beforeEach(() => {
    for (const each of [runcRoot, bundle]) rmSync(each, { recursive: true, force: true });
    for (const each of [join(runcRoot, 'k8s.io'), join(bundle, 'rootfs')]) mkdirSync(each, { recursive: true });
    script('shim', '#!/bin/sh\nprintf "%s\\n" shim "$@"\n');
    script('program', renderShimProgram({ program: join(directory, 'shim'), runcRoot }));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function script(name: string, text: string): void {
    writeFileSync(join(directory, name), text);
    chmodSync(join(directory, name), 0o755);
  }

  function run(...args: string[]): Buffer {
    const { status, stdout, stderr } = spawnSync(join(directory, 'program'), args);
    expect([status, stderr.toString()]).toEqual([0, '']);
    return stdout;
  }
  const common = ['-namespace', 'k8s.io', '-address', '/r/c.sock', '-publish-binary', '/usr/bin/containerd'];
  const remove = (...more: string[]): Buffer => run(...common, '-id', 'abc', '-bundle', bundle, ...more, 'delete');
  const lines = (output: Buffer): string[] => output.toString().trimEnd().split('\n');

  it('answers for a container that runc has forgotten', () => {
    expect([...remove()]).toEqual(answered);
    expect(decode(message({ exitStatus: int(2) }), remove())).toEqual({ exitStatus: 137 });
  });

  it('answers when the bundle is gone as well', () => {
    rmSync(bundle, { recursive: true });
    expect([...remove()]).toEqual(answered);
  });

  it('leaves a container that runc knows to the shim', () => {
    mkdirSync(join(runcRoot, 'k8s.io/abc'));
    expect(lines(remove('-debug'))).toEqual(['shim', ...common, '-id', 'abc', '-bundle', bundle, '-debug', 'delete']);
  });

  it('leaves a root filesystem in which something lies to the shim', () => {
    mkdirSync(join(bundle, 'rootfs/bin'));
    expect(lines(remove())[0]).toBe('shim');
  });

  it('leaves everything to the shim while nothing of runc is there', () => {
    rmSync(runcRoot, { recursive: true });
    expect(lines(remove())[0]).toBe('shim');
  });

  it('hands every other call on as it is', () => {
    const start = [...common, '-id', 'a b', 'start'];
    expect(lines(run(...start))).toEqual(['shim', ...start]);
    expect(lines(run('-v'))).toEqual(['shim', '-v']);
    expect(lines(run('delete'))).toEqual(['shim', 'delete']);
  });
});
