import { goFunction, type FunctionMap } from '../template/function.ts';

/** Go's path package, which on this system is filepath's, too. No file is looked at. */

/** The last element, slashes at the end left out; `.` for nothing, `/` for nothing but slashes. */
export function baseName(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

function clean(path: string): string {
  if (path === '') return '.';
  const isRooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!isRooted) parts.push('..');
  }
  return (isRooted ? '/' : '') + parts.join('/') || '.';
}

function directory(path: string): string {
  return clean(path.slice(0, path.lastIndexOf('/') + 1));
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.')) : '';
}

const base = goFunction(['string'], baseName);
const dir = goFunction(['string'], directory);
const cleanPath = goFunction(['string'], clean);
const ext = goFunction(['string'], extension);
const isAbs = goFunction(['string'], (path) => path.startsWith('/'));

export const pathFunctions: FunctionMap = {
  base,
  dir,
  clean: cleanPath,
  ext,
  isAbs,
  osBase: base,
  osDir: dir,
  osClean: cleanPath,
  osExt: ext,
  osIsAbs: isAbs,
};
