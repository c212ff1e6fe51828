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
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach(({ length }, column) => (widths[column] = Math.max(widths[column] ?? 0, length)));
  }
  const pad = (cell: string, column: number): string => {
    const width = Number(widths[column]);
    return numbers.includes(column) ? cell.padStart(width) : cell.padEnd(width);
  };
  return cells.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
