import { expect, it, vi } from 'vitest';
import { classOptions } from '../../network/ingress/annotations/parameters.ts';
import { servedAnnotations } from '../../network/ingress/annotations/table.ts';
import { annotations } from './annotations.ts';

it('shows what annotations do, and what a class can say besides', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  annotations({ output: 'json' });
  const [[text] = []] = write.mock.calls;
  write.mockRestore();
  const rows = JSON.parse(String(text)) as { name: string; support: string }[];
  const namesOf = (support: string): string[] => rows.filter((row) => row.support === support).map(({ name }) => name);
  const prefix = 'nginx.ingress.kubernetes.io/';
  expect(namesOf('yes')).toEqual(Object.keys(servedAnnotations).map((name) => prefix + name));
  expect(namesOf('class')).toEqual(expect.arrayContaining([...Object.keys(classOptions), 'global-auth-url']));
  expect(namesOf('no effect')).toContain(`${prefix}limit-rate`);
  expect(namesOf('refused')).toContain(`${prefix}server-snippet`);
});
