/** The commands of the shell: one table. */
import { errno, errnoName, isErrno, strerror, type Errno } from '../../errors.js';
import type { Call, Command } from './command.js';
import { echo } from './echo.js';
import { isDirectory } from './files.js';
import { ls } from './ls.js';
import { printable, quote, quoteForShell, quoteIfNeeded } from './quote.js';

function reason(error: Errno): string {
  return strerror(errnoName(error));
}

const cat: Command = {
  usage: '[FILE]...',
  summary: 'print files; -, and no FILE, is what < says',
  options: {},
  run(call) {
    let status = 0;
    for (const operand of call.operands.length > 0 ? call.operands : ['-']) {
      const content = contentOf(operand, call);
      if (typeof content === 'string') {
        call.complain(`${quoteIfNeeded(operand)}: ${content}`);
        status = 1;
      } else {
        call.print(content);
        if (!call.flush()) return 1;
      }
    }
    return status;
  },
};

/** What cat prints of an operand, or why it does not. */
function contentOf(operand: string, { input, outputPath, session: { files } }: Call): Uint8Array | string {
  const content = operand === '-' ? input.read() : files.read(operand);
  if (isErrno(content)) return reason(content);
  const path = operand === '-' ? input.path : files.realpath(operand);
  return path !== undefined && path === outputPath ? 'input file is output file' : content;
}

const cd: Command = {
  usage: '[DIRECTORY]',
  summary: 'go to a directory; - is the one before; by default /',
  builtin: true,
  options: { L: [undefined, 'as without'], P: [undefined, 'as without: there are no symbolic links'] },
  run(call) {
    const { session, operands } = call;
    const [operand = '/', ...more] = operands;
    if (more.length > 0) {
      call.complain('too many arguments');
      return 1;
    }
    const target = operand === '-' ? session.previous : operand;
    if (target === undefined) {
      call.complain('OLDPWD not set');
      return 1;
    }
    const before = session.files.cwd;
    // To go nowhere is to stay.
    const refused = target === '' ? 0 : session.files.chdir(target);
    if (isErrno(refused)) {
      call.complain(`${printable(target)}: ${reason(refused)}`);
      return 1;
    }
    session.previous = before;
    if (operand === '-') call.print(`${session.files.cwd}\n`);
    return 0;
  },
};

const exit: Command = {
  usage: '[STATUS]',
  summary: 'end the shell; by default with the status of the last command',
  builtin: true,
  run(call) {
    const { session, operands } = call;
    const [status = String(session.status), ...more] = operands[0] === '--' ? operands.slice(1) : operands;
    session.exited = true;
    if (!/^\s*[-+]?\d+\s*$/.test(status)) {
      call.complain(`${printable(status)}: numeric argument required`);
      return 2;
    }
    if (more.length > 0) {
      call.complain('too many arguments');
      return 1;
    }
    return Number(status) & 0xff;
  },
};

const mkdir: Command = {
  usage: '[OPTION]... DIRECTORY...',
  summary: 'make beancounters',
  needsOperand: true,
  options: {
    p: ['parents', 'make what is missing on the way; no error if it is there'],
    v: ['verbose', 'say what was made'],
  },
  run(call) {
    const { flags, operands, session } = call;
    const { files } = session;
    const parents = flags.includes('p');
    let status = 0;
    for (const operand of operands) {
      for (const path of parents ? [...ancestors(operand), operand] : [operand]) {
        const refused = files.mkdir(path);
        if (!isErrno(refused)) {
          if (flags.includes('v')) call.print(`mkdir: created directory ${quoteForShell(path)}\n`);
          continue;
        }
        const found = files.find(path);
        if (parents && !isErrno(found) && isDirectory(found.stat)) continue;
        const why = isErrno(found) || path === operand ? refused : -errno.ENOTDIR;
        call.complain(`cannot create directory ${quote(path)}: ${reason(why)}`);
        status = 1;
        break;
      }
    }
    return status;
  },
};

/** The directories that a path names before its last: `a`, `a/b` of `a/b/c`. */
function ancestors(path: string): string[] {
  return [...path.matchAll(/[^/](?=\/+[^/])/g)].map(({ index }) => path.slice(0, index + 1));
}

const pwd: Command = {
  usage: '',
  summary: 'print the current directory',
  builtin: true,
  options: { L: [undefined, 'as without'], P: [undefined, 'as without: there are no symbolic links'] },
  run(call) {
    call.print(`${call.session.files.cwd}\n`);
    return 0;
  },
};

const rmdir: Command = {
  usage: '[OPTION]... DIRECTORY...',
  summary: 'drop beancounters',
  needsOperand: true,
  options: {
    p: ['parents', 'drop the directories that it is in too'],
    v: ['verbose', 'say what is dropped'],
  },
  run(call) {
    const { flags, operands, session } = call;
    let status = 0;
    for (const operand of operands) {
      const above = flags.includes('p') ? ancestors(operand).reverse() : [];
      for (const path of [operand, ...above]) {
        if (flags.includes('v')) call.print(`rmdir: removing directory, ${quoteForShell(path)}\n`);
        const refused = session.files.rmdir(path);
        if (!isErrno(refused)) continue;
        const what = path === operand ? '' : 'directory ';
        call.complain(`failed to remove ${what}${quoteForShell(path)}: ${reason(refused)}`);
        status = 1;
        break;
      }
    }
    return status;
  },
};

const help: Command = {
  usage: '',
  summary: 'print this',
  builtin: true,
  run(call) {
    call.print(helpText());
    return 0;
  },
};

/** By name. */
export const commands: Readonly<Record<string, Command>> = {
  cat,
  cd,
  echo,
  exit,
  false: { usage: '', summary: 'do nothing, and fail', builtin: true, run: () => 1 },
  help,
  ls,
  mkdir,
  pwd,
  rmdir,
  true: { usage: '', summary: 'do nothing', builtin: true, run: () => 0 },
  ':': { usage: '', summary: 'do nothing', builtin: true, run: () => 0 },
};

const NOTES = `
A command has arguments, 'quoted', "quoted" or \\quoted, with * ? [a-z] for names in the tree, $NAME for the
environment, $$ for the pid of this process and $? for the status of the last command; < FILE, > FILE and
>> FILE. Commands are separated by ; && || and newlines; # begins a comment. There is nothing else: no pipes,
no keywords, no variables of its own. All paths are in the tree, whose root is /.
`;

/** What `help` prints, and `bcfs sh --help` too. */
export function helpText(): string {
  const rows = Object.entries(commands).map(([name, { usage, summary }]) => row(`${name} ${usage}`, summary));
  return `Commands:\n${rows.join('')}${NOTES}`;
}

/** What `--help` of a command prints. */
export function commandHelp(name: string, { usage, summary, options = {} }: Command): string {
  const rows = Object.entries(options).map(([letter, [long, meaning]]) =>
    row(`-${letter}${long === undefined ? '' : `, --${long}`}`, meaning),
  );
  return `Usage: ${name} ${usage}\n${summary}\n\n${rows.join('')}${row('--help', 'print this')}`;
}

function row(what: string, meaning: string): string {
  return `  ${what.padEnd(33)} ${meaning}\n`;
}
