/** Tables for people. */
import { oneLine } from './exit.js';

/**
 * Columns, two spaces apart, each as wide as its widest cell; control characters are spelled out.
 *
 * @param numbers the columns that are flush right
 * @returns lines, each with its newline
 */
export function table(rows: readonly (readonly string[])[], numbers: readonly number[] = []): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string =>
    numbers.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return cells.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
