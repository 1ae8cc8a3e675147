/**
 * Lines whose cells end in tabs, with the cells of neighbouring lines below each other: Go's text/tabwriter, as
 * kubectl's descriptions use it. A column is as wide as the widest cell of the lines that have it one after another,
 * and two more.
 */
export function alignTabs(lines: readonly string[], padding = 2): string[] {
  const rows = lines.map((line) => line.split('\t'));
  const widths = rows.map((row) => row.map(() => 0));
  const deepest = Math.max(0, ...rows.map((row) => row.length));
  for (let column = 0; column < deepest; column++) {
    for (let from = 0; from < rows.length; from++) {
      let to = from;
      while (to < rows.length && column < (rows[to]?.length ?? 0) - 1) to++;
      const block = rows.slice(from, to);
      const width = Math.max(0, ...block.map((row) => Array.from(row[column] ?? '').length)) + padding;
      for (let i = from; i < to; i++) (widths[i] as number[])[column] = width;
      from = Math.max(from, to - 1);
    }
  }
  return rows.map((row, i) =>
    row
      .map((cell, j) => {
        const width = j === row.length - 1 ? 0 : (widths[i]?.[j] ?? 0);
        return cell + ' '.repeat(Math.max(0, width - Array.from(cell).length));
      })
      .join(''),
  );
}
