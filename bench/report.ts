/** What a part of the benchmark found, and how it is printed. */

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A figure that is wanted at most, or at least, so high. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Report {
  readonly part: string;
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
}

/** Whether a figure is as it is wanted. */
export function isMet({ value, atMost = Infinity, atLeast = -Infinity }: Figure): boolean {
  return value <= atMost && value >= atLeast;
}

export function printReport({ part, tables, figures }: Report): string {
  return [...tables.map(printTable), ...(figures.length > 0 ? [printFigures(part, figures)] : [])].join('\n');
}

/** What was found beside what is wanted. */
export function printFigures(part: string, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.what,
    `${printNumber(figure.value)} ${figure.unit}`,
    ...printWanted(figure),
  ]);
  return printTable({ title: `${part}: wanted`, columns: ['', 'found', 'wanted', ''], rows });
}

function printWanted(figure: Figure): [wanted: string, whether: string] {
  const { atMost, atLeast } = figure;
  if (atMost === undefined && atLeast === undefined) return ['-', ''];
  const wanted = atMost === undefined ? `≥ ${printNumber(atLeast ?? NaN)}` : `≤ ${printNumber(atMost)}`;
  return [wanted, isMet(figure) ? 'met' : 'not met'];
}

/** Columns of numbers line up on the right, words on the left. */
function printTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(printNumber))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumeric = columns.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Three digits that count. */
function printNumber(value: string | number): string {
  if (typeof value === 'string') return value;
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
