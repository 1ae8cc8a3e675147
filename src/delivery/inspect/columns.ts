/** Columns as kubectl's commands print them: three spaces apart, at least six wide, the last one as it is. */
export interface Columns {
  /** Lines of rows; columns stay as wide as the widest cell so far, so that rows of a watch stand below each other. */
  lines(rows: readonly (readonly string[])[]): string[];
}

const padding = 3;
const minimum = 6;

export function createColumns(): Columns {
  const widths: number[] = [];
  return {
    lines(rows) {
      for (const row of rows) {
        for (const [i, cell] of row.slice(0, -1).entries()) {
          widths[i] = Math.max(widths[i] ?? minimum, Array.from(cell).length + padding);
        }
      }
      return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : padded(cell, widths[i]))).join(''));
    },
  };
}

function padded(cell: string, width = minimum): string {
  return cell + ' '.repeat(Math.max(0, width - Array.from(cell).length));
}
