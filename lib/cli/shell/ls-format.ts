/** How ls prints names: one to a line, in columns, or with all that stat knows. Source: coreutils, ls.c. */
import { readFileSync } from 'node:fs';
import { isDirectory, type Entry } from './files.js';

export interface Layout {
  readonly format: 'single' | 'columns' | 'long';
  /** Whether inode numbers are printed. */
  readonly inodes: boolean;
  /** Characters in a line. */
  readonly width: number;
}

/** Half a mean Gregorian year, in milliseconds: what is older is printed with its year, not its hour. */
const RECENT = 31_556_952_000 / 2;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The narrowest column, its gap included; the gap; and where tabs go. Characters. */
const MIN_COLUMN = 3;
const GAP = 2;
const TAB = 8;

/** The lines of `entries`, in the order in which they are given. */
export function layOut(entries: readonly Entry[], { format, inodes, width }: Layout): string {
  const numbers = inodes ? alignRight(entries.map(({ stat }) => stat.ino)).map((ino) => `${ino} `) : [];
  const bodies = format === 'long' ? long(entries) : entries.map(({ name }) => name);
  const labels = bodies.map((body, index) => (numbers[index] ?? '') + body);
  const lines = format === 'columns' ? inColumns(labels, width) : labels;
  return lines.map((line) => `${line}\n`).join('');
}

function long(entries: readonly Entry[]): string[] {
  const stats = entries.map(({ stat }) => stat);
  const columns = [
    entries.map(modeOf),
    alignRight(stats.map(({ nlink }) => nlink)),
    owners(
      stats.map(({ uid }) => uid),
      '/etc/passwd',
    ),
    owners(
      stats.map(({ gid }) => gid),
      '/etc/group',
    ),
    alignRight(stats.map(({ size }) => size)),
    stats.map(({ mtime }) => formatTime(mtime, Date.now())),
    entries.map(({ name }) => name),
  ];
  return entries.map((_, row) => columns.map((column) => column[row]).join(' '));
}

/** `drwxr-xr-x` */
function modeOf({ stat }: Entry): string {
  const bits = Array.from('rwxrwxrwx', (letter, index) => (stat.mode & (0o400 >> index) ? letter : '-'));
  return (isDirectory(stat) ? 'd' : '-') + bits.join('');
}

/** @param time milliseconds since 1970 */
export function formatTime(time: number, now: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const isRecent = time > now - RECENT && time <= now;
  const hour = isRecent ? `${two(date.getHours())}:${two(date.getMinutes())}` : ` ${date.getFullYear()}`;
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${hour}`;
}

function alignRight(values: readonly number[]): string[] {
  const texts = values.map(String);
  return texts.map((text) => text.padStart(widest(texts)));
}

/** Names of users or groups: aligned left; numbers, where there is no name: aligned right. */
function owners(ids: readonly number[], database: string): string[] {
  const names = readNames(database);
  const width = widest(ids.map((id) => names.get(id) ?? String(id)));
  return ids.map((id) => names.get(id)?.padEnd(width) ?? String(id).padStart(width));
}

/** What /etc/passwd or /etc/group has; nothing if there is none. */
export function readNames(database: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  try {
    for (const [, name, id] of readFileSync(database, 'utf8').matchAll(/^([^:\n]+):[^:\n]*:(\d+):/gm)) {
      if (!names.has(Number(id))) names.set(Number(id), String(name));
    }
  } catch {
    // Then the numbers have to do.
  }
  return names;
}

/** Columns that are filled downwards, as many as fit. */
function inColumns(labels: readonly string[], width: number): string[] {
  for (let count = Math.min(labels.length, Math.ceil(width / MIN_COLUMN)); ; count -= 1) {
    const rows = Math.ceil(labels.length / count);
    const columns = Array.from({ length: count }, (_, index) => {
      const cells = labels.slice(index * rows, (index + 1) * rows);
      return { cells, width: Math.max(MIN_COLUMN, widest(cells) + (index < count - 1 ? GAP : 0)) };
    });
    const total = columns.reduce((sum, column) => sum + column.width, 0);
    if (count <= 1 || total < width) return Array.from({ length: rows }, (_, row) => rowOf(columns, row));
  }
}

function rowOf(
  columns: readonly { readonly cells: readonly string[]; readonly width: number }[],
  row: number,
) {
  let line = '';
  let end = 0;
  let start = 0;
  for (const { cells, width } of columns) {
    const cell = cells[row];
    if (cell === undefined) break;
    line += indent(end, start) + cell;
    end = start + cell.length;
    start += width;
  }
  return line;
}

/** Tabs and blanks from one place in a line to another. */
function indent(from: number, to: number): string {
  let space = '';
  while (from < to) {
    const tab = Math.floor(to / TAB) > Math.floor((from + 1) / TAB);
    space += tab ? '\t' : ' ';
    from = tab ? (Math.floor(from / TAB) + 1) * TAB : from + 1;
  }
  return space;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}
