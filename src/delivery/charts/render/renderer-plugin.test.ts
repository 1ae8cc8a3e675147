import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { programPostRenderer } from './post-renderer.ts';
import { findRendererPlugin } from './renderer-plugin.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'timonel-plugins-'));
});
afterEach(() => rm(root, { recursive: true }));

async function plugin(directory: string, manifest: string): Promise<void> {
  await mkdir(join(root, directory), { recursive: true });
  await writeFile(join(root, directory, 'plugin.yaml'), manifest);
}

const arch = { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch;
const head = (type = 'postrenderer/v1', name = 'tag'): string =>
  `apiVersion: v1\ntype: ${type}\nname: ${name}\nversion: 0.1.0\nruntime: subprocess\n`;
const commands = (...each: string[]): string => `runtimeConfig: {platformCommand: [${each.join(', ')}]}\n`;

it('is found by its name, and changes the manifest with its own words and those of the command line', async () => {
  await plugin('a', head('cli/v1') + commands('{command: never}'));
  await plugin('broken', '{');
  await plugin(
    'b',
    `${head()}${commands("{command: '${HELM_PLUGIN_DIR}/run.sh $WORD', args: ['x$HELM_PLUGIN_NAME']}")}`,
  );
  await writeFile(join(root, 'b/run.sh'), '#!/bin/sh\ncat\necho "# $HELM_PLUGIN_NAME $*"\n', { mode: 0o755 });
  const environment = { PATH: process.env['PATH'], WORD: 'first' };
  const found = await findRendererPlugin('tag', [join(root, 'none'), root], environment);
  expect(found).toMatchObject({ command: join(root, 'b/run.sh'), args: ['first', 'xtag'] });
  const { command = '', args = [], environment: own } = found ?? {};
  const renderer = programPostRenderer(command, [...args, 'last'], own);
  expect(await renderer('kind: Secret\n')).toBe('kind: Secret\n# tag first xtag last\n');
});

it('is none when no plugin that renders has the name', async () => {
  await plugin('a', head('cli/v1') + commands('{command: never}'));
  await plugin('b', head('postrenderer/v1', 'other') + commands('{command: never}'));
  expect(await findRendererPlugin('tag', [root], {})).toBeUndefined();
});

it.each([
  ['{command: any}, {os: linux, command: system}', 'system'],
  [`{os: linux, command: system}, {os: Linux, arch: ${arch}, command: both}`, 'both'],
  ['{os: plan9, command: no}, {command: any}', 'any'],
  ['{os: linux, arch: mips, command: no}, {command: any}', 'any'],
])('has a command for each system: %s', async (each, expected) => {
  await plugin('a', head() + commands(each));
  expect(await findRendererPlugin('tag', [root], {})).toMatchObject({ command: expected, args: [] });
});

it('says what it lacks', async () => {
  await plugin('a', head() + commands('{os: plan9, command: no}'));
  await expect(findRendererPlugin('tag', [root], {})).rejects.toThrow('plugin tag: no plugin command is applicable');
  await plugin('a', head().replace('subprocess', 'extism/v1'));
  await expect(findRendererPlugin('tag', [root], {})).rejects.toThrow('plugin tag needs the runtime extism/v1');
});
