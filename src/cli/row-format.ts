import { CliError } from './errors.ts';
import { createOutput, table } from './output.ts';

/** Values by their names; those of the table's columns are texts. */
type Row = Readonly<Record<string, unknown>>;

/** What a command lists: the values of each row by the names that templates know them by. */
export interface Listing {
  /** The table's columns, by the names of values; `ID: 'CONTAINER ID'`. */
  columns: Readonly<Record<string, string>>;
  rows: readonly Row[];
}

/**
 * Prints rows as Docker's commands do for `--format`: `table` (the default), `json` (an object a line), a Go template for
 * each row, or `table TEMPLATE`, with the names of columns over it.
 */
export async function printRows(format: string, { columns, rows }: Listing): Promise<void> {
  const output = createOutput();
  if (format === 'json') {
    for (const row of rows) output.data(JSON.stringify(row));
    return;
  }
  const cells = (row: Row): string[] => Object.keys(columns).map((name) => textOf(row[name]));
  if (format === 'table' || format === '') return output.data(table(Object.values(columns), rows.map(cells)));
  const [, isTable, text = ''] = /^(table\s+)?(.*)$/s.exec(format) ?? [];
  const line = await rowTemplate(text.replaceAll(String.raw`\t`, '\t').replaceAll(String.raw`\n`, '\n'));
  const lines = rows.map(line);
  if (isTable === undefined) return lines.forEach((each) => output.data(each));
  const names = [...new Set([...Object.keys(columns), ...rows.flatMap((row) => Object.keys(row))])];
  const header = line(Object.fromEntries(names.map((name) => [name, columns[name] ?? name.toUpperCase()])));
  output.data(
    table(
      header.split('\t'),
      lines.map((each) => each.split('\t')),
    ),
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

/** Go's templates with the functions of Docker's commands. */
async function rowTemplate(text: string): Promise<(row: Row) => string> {
  const { parseTemplates } = await import('../delivery/charts/template/engine.ts');
  const { goFunction } = await import('../delivery/charts/template/function.ts');
  const functions = {
    json: goFunction(['any'], (value) => JSON.stringify(value)),
    lower: goFunction(['string'], (value) => value.toLowerCase()),
    upper: goFunction(['string'], (value) => value.toUpperCase()),
    title: goFunction(['string'], (value) => value.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())),
    split: goFunction(['string', 'string'], (value, by) => value.split(by)),
    join: goFunction(['strings', 'string'], (values, by) => (values ?? []).join(by)),
    truncate: goFunction(['string', 'int'], (value, length) => value.slice(0, length)),
  };
  const failure = (error: unknown): CliError =>
    new CliError(`template parsing error: ${(error as Error).message}`, { cause: error, exitCode: 64 });
  try {
    const templates = parseTemplates([{ name: 'format', text }], functions);
    return (row) => {
      try {
        return templates.execute('format', structuredClone(row));
      } catch (error) {
        throw failure(error);
      }
    };
  } catch (error) {
    throw failure(error);
  }
}
