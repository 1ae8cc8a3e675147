import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { printRows } from './row-format.ts';

const columns = { Name: 'NAME', Ports: 'PORTS' };
const rows = [
  { Name: 'web-1', Ports: '0.0.0.0:80->80/tcp', Health: 'healthy' },
  { Name: 'db', Ports: '', Health: '' },
];

describe('rows of a command', () => {
  let written = '';
  beforeEach(() => {
    written = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((written += String(text))));
  });
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['table', 'NAME    PORTS\nweb-1   0.0.0.0:80->80/tcp\ndb\n'],
    ['json', rows.map((row) => `${JSON.stringify(row)}\n`).join('')],
    ['{{.Name}}', 'web-1\ndb\n'],
    [String.raw`{{.Name}}\t{{upper .Health}}`, 'web-1\tHEALTHY\ndb\t\n'],
    [String.raw`table {{.Name}}\t{{.Health}}`, 'NAME    HEALTH\nweb-1   healthy\ndb\n'],
    ['{{json .}}', rows.map((row) => `${JSON.stringify(row)}\n`).join('')],
  ])('are printed as Docker’s commands do: %s', async (format, expected) => {
    await printRows(format, { columns, rows });
    expect(written).toBe(expected);
  });

  it('end with what is wrong with a template', async () => {
    await expect(printRows('{{.Name', { columns, rows })).rejects.toThrow(/^template parsing error: /);
  });
});
