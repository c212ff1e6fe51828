/**
 * The shell: runs lines of commands over a tree, with the words, the answers and the statuses of sh.
 *
 * Everything is done when `run` returns. Only `exit` ends it, and a syntax error the text that it is in.
 */
import { errno, errnoName, isErrno, strerror, type Errno } from '../../errors.js';
import type { Operations } from '../../fuse/operations.js';
import { HELP, readArguments, type Call, type Command, type Input, type Session } from './command.js';
import { commandHelp, commands } from './commands.js';
import { expand } from './expand.js';
import { isDirectory, openFiles } from './files.js';
import { parse, type Redirection, type Step, type Word } from './parse.js';
import { printable } from './quote.js';

/** Where the shell runs. */
export interface Environment {
  /** Takes output. @returns 0, or why it could not be written */
  readonly stdout: (bytes: Uint8Array) => 0 | Errno;
  /** Takes messages: whole lines. */
  readonly stderr: (text: string) => void;
  /** What commands read that are not told what to read. */
  readonly stdin: () => Uint8Array | Errno;
  /** Characters in a line, if stdout is a terminal. */
  readonly columns: number | undefined;
  /** `$$`. */
  readonly pid: number;
  /** `$NAME`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Whether the tree is read-only. */
  readonly ro: boolean;
  /** Runs before each command: what happened outside meanwhile. */
  readonly settle: () => void;
}

export interface Shell {
  readonly session: Session;
  /**
   * Runs a text, up to an `exit` or a syntax error, if there is one.
   *
   * @param isWhole whether no more is to come. Default: true. If more is, a text that ends in the middle of a
   * line is `incomplete`, and none of it runs
   */
  run(text: string, isWhole?: boolean): Outcome;
}

export type Outcome = 'done' | 'incomplete' | 'syntax error';

/** What a command reads from and writes to. */
interface Streams {
  input: Input;
  /** A file of the tree that is open for writing; undefined: stdout. */
  output: { readonly path: string | Errno; readonly fd: number } | undefined;
}

/** Exit statuses of sh. */
const FAILED = 1;
const USAGE = 2;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

export function createShell(operations: Operations, environment: Environment): Shell {
  const files = openFiles(operations, environment.ro);
  const session: Session = { files, status: 0, previous: undefined, exited: false };

  const complain = (message: string) => environment.stderr(`bcfs: ${message}\n`);

  function variable(name: string): string | undefined {
    if (name === '$') return String(environment.pid);
    if (name === '?') return String(session.status);
    return Object.hasOwn(environment.variables, name) ? environment.variables[name] : undefined;
  }

  const expandWord = (word: Word) => expand(word, files, variable);

  function run(text: string, isWhole = true): Outcome {
    const { lines, problem, incomplete } = parse(text);
    if (incomplete && !isWhole) return 'incomplete';
    for (const { when, ...step } of lines.flat()) {
      if (session.exited) return 'done';
      if (when !== 'always' && (when === 'and') !== (session.status === 0)) continue;
      environment.settle();
      session.status = runStep(step);
    }
    if (problem === undefined || session.exited) return 'done';
    complain(problem);
    session.status = USAGE;
    return 'syntax error';
  }

  function runStep({ words, redirections }: Omit<Step, 'when'>): number {
    const [name, ...args] = words.flatMap(expandWord);
    const opened: number[] = [];
    const streams = redirect(redirections, opened);
    const status = !streams ? FAILED : name === undefined ? 0 : runCommand(name, args, streams);
    for (const fd of opened) files.release(fd);
    return status;
  }

  /** Opens files in order, up to one that cannot be; that is said. */
  function redirect(redirections: readonly Redirection[], opened: number[]): Streams | undefined {
    const streams: Streams = { input: { path: undefined, read: environment.stdin }, output: undefined };
    for (const { operator, target } of redirections) {
      const [path, ...more] = expandWord(target);
      if (path === undefined || more.length > 0) return refuse(target.source, 'ambiguous redirect');
      if (operator === '<') {
        let content = files.read(path);
        // A directory can be opened; only reading it fails.
        if (isErrno(content) && content !== -errno.EISDIR) return refuse(path, reason(content));
        const read = () => {
          const all = content;
          content = new Uint8Array();
          return all;
        };
        streams.input = { path: files.realpath(path), read };
      } else {
        const fd = files.openToWrite(path);
        if (isErrno(fd)) return refuse(path, reason(fd));
        opened.push(fd);
        streams.output = { path: files.realpath(path), fd };
      }
    }
    return streams;
  }

  function refuse(what: string, why: string): undefined {
    complain(`${what}: ${why}`);
  }

  function runCommand(name: string, args: readonly string[], { input, output }: Streams): number {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) return refuseCommand(name);
    const { builtin, usage, trouble = FAILED } = command;
    const say = (message: string) => environment.stderr(`${builtin ? 'bcfs: ' : ''}${name}: ${message}\n`);

    const given = readArguments(args, command);
    if (typeof given === 'string') {
      say(given);
      const hint = builtin
        ? `${name}: usage: ${name} ${usage}`
        : `Try '${name} --help' for more information.`;
      environment.stderr(`${hint}\n`);
      return builtin ? USAGE : trouble;
    }

    const printed: Uint8Array[] = [];
    const call: Call = {
      ...given,
      session,
      input,
      outputPath: output?.path,
      columns: output ? undefined : environment.columns,
      print: (text) => printed.push(Buffer.from(text)),
      complain: say,
      flush() {
        const bytes = Buffer.concat(printed.splice(0));
        if (bytes.length === 0) return true;
        const refused = output ? files.write(output.fd, bytes) : environment.stdout(bytes);
        if (isErrno(refused)) say(`write error: ${reason(refused)}`);
        return !isErrno(refused);
      },
    };
    const status = given.flags.includes(HELP) ? printHelp(name, command, call) : command.run(call);
    return call.flush() ? status : trouble;
  }

  function refuseCommand(name: string): number {
    if (!name.includes('/')) {
      complain(`${printable(name)}: command not found`);
      return NOT_FOUND;
    }
    const found = files.find(name);
    const why = isErrno(found) ? found : isDirectory(found.stat) ? -errno.EISDIR : -errno.EACCES;
    complain(`${name}: ${reason(why)}`);
    return why === -errno.ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
  }

  return { session, run };
}

function printHelp(name: string, command: Command, call: Call): number {
  call.print(commandHelp(name, command));
  return 0;
}

function reason(error: Errno): string {
  return strerror(errnoName(error));
}
