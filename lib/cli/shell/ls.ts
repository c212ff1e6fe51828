/** ls. Source: coreutils, ls.c. */
import { errnoName, isErrno, strerror, type Errno } from '../../errors.js';
import type { Call, Command } from './command.js';
import { isDirectory, type Entry } from './files.js';
import { layOut, type Layout } from './ls-format.js';
import { quoteForShell } from './quote.js';

/** The exit status when what was named cannot be listed. */
const TROUBLE = 2;

/** Characters in a line, where no terminal says, or one says 0. */
const DEFAULT_WIDTH = 80;

export const ls: Command = {
  usage: '[OPTION]... [FILE]...',
  summary: 'list directories; by default the current one',
  trouble: TROUBLE,
  options: {
    a: ['all', 'list . and .. too'],
    A: ['almost-all', 'list all but . and ..'],
    C: [undefined, 'list in columns, as on a terminal'],
    d: ['directory', 'list directories themselves, not what is in them'],
    i: ['inode', 'print the inode number of each file'],
    l: [undefined, 'print mode, links, owner, group, size and time'],
    R: ['recursive', 'list subdirectories too'],
    1: [undefined, 'list one file per line'],
  },
  run,
};

function run(call: Call): number {
  const { flags, operands } = call;
  const { files } = call.session;
  const has = (flag: string) => flags.includes(flag);
  const withDots = flags.findLast((flag) => flag === 'a' || flag === 'A') === 'a';
  const layout: Layout = { format: formatOf(call), inodes: has('i'), width: call.columns || DEFAULT_WIDTH };
  const sections: string[] = [];
  let status = 0;

  function fail(action: string, path: string, error: Errno): void {
    call.complain(`cannot ${action} ${quoteForShell(path)}: ${strerror(errnoName(error))}`);
    status = TROUBLE;
  }

  function list(path: string, withTitle: boolean): void {
    const found = files.list(path);
    if (isErrno(found)) return fail('open directory', path, found);
    const entries = found.slice(withDots ? 0 : 2).sort(byName);
    const title = withTitle ? `${path}:\n` : '';
    // Nothing in the tree takes up a block.
    const total = layout.format === 'long' ? 'total 0\n' : '';
    sections.push(title + total + layOut(entries, layout));
    if (!has('R')) return;
    for (const { name } of found
      .slice(2)
      .sort(byName)
      .filter(({ stat }) => isDirectory(stat))) {
      list(path.endsWith('/') ? path + name : `${path}/${name}`, true);
    }
  }

  const named: Entry[] = [];
  for (const name of operands.length === 0 && has('d') ? ['.'] : operands) {
    const found = files.find(name);
    if (isErrno(found)) fail('access', name, found);
    else named.push({ name, stat: found.stat });
  }
  named.sort(byName);
  const isOpened = ({ stat }: Entry) => isDirectory(stat) && !has('d');
  const plain = named.filter((entry) => !isOpened(entry));
  const opened = named.filter(isOpened).map(({ name }) => name);
  const directories = operands.length === 0 && !has('d') ? ['.'] : opened;
  if (plain.length > 0) sections.push(layOut(plain, layout));
  for (const name of directories) list(name, has('R') || operands.length > 1);
  call.print(sections.join('\n'));
  return status;
}

/** The last of -l, -C and -1 counts, but -1 takes nothing from -l. */
function formatOf({ flags, columns }: Call): Layout['format'] {
  let format: Layout['format'] = columns === undefined ? 'single' : 'columns';
  for (const flag of flags) {
    if (flag === 'l') format = 'long';
    if (flag === 'C') format = 'columns';
    if (flag === '1' && format !== 'long') format = 'single';
  }
  return format;
}

function byName(a: Entry, b: Entry): number {
  return Number(a.name > b.name) - Number(a.name < b.name);
}
