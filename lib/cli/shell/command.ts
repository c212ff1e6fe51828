/** What a command of the shell is, and how its arguments are read. */
import type { Errno } from '../../errors.js';
import type { Files } from './files.js';

/** What the commands of one shell share. */
export interface Session {
  readonly files: Files;
  /** The exit status of the last command. */
  status: number;
  /** Where `cd -` goes. */
  previous: string | undefined;
  /** Whether the shell is to end. */
  exited: boolean;
}

/** What a command reads. */
export interface Input {
  /** From the root, if it is a file of the tree that is there. */
  readonly path: string | Errno | undefined;
  read(): Uint8Array | Errno;
}

/** One call of a command. */
export interface Call {
  readonly session: Session;
  /** Letters of the options, in the order in which they were given. */
  readonly flags: readonly string[];
  /** What is not an option. */
  readonly operands: readonly string[];
  readonly input: Input;
  /** What the output goes to, if it is a file of the tree: its path from the root. */
  readonly outputPath: string | Errno | undefined;
  /** Characters in a line of the terminal that the output goes to; undefined if it goes elsewhere. */
  readonly columns: number | undefined;
  /** Takes output. It is written when the command ends, at once: to an attribute that is one store. */
  print(output: string | Uint8Array): void;
  /** Writes now. @returns whether that went well; if not, it was said, and the command is to end with 1 */
  flush(): boolean;
  /** Says what went wrong: one line, after the command's name. */
  complain(message: string): void;
}

export interface Command {
  /** Its arguments: `[OPTION]... [FILE]...`. */
  readonly usage: string;
  /** One line, a phrase. */
  readonly summary: string;
  /** By letter: the long name, and what it does. Without this table all arguments are operands. */
  readonly options?: Readonly<Record<string, readonly [long: string | undefined, meaning: string]>>;
  /** Whether there must be an operand. */
  readonly needsOperand?: true;
  /** Whether it is a part of the shell: bash words its complaints then, otherwise coreutils does. */
  readonly builtin?: true;
  /** The exit status when an argument is wrong, or the output cannot be written. Default: 1. */
  readonly trouble?: number;
  /** @returns the exit status */
  run(call: Call): number;
}

/** The arguments of a call, or what is wrong with them, in the words of getopt_long(3). */
export type Arguments = Pick<Call, 'flags' | 'operands'> | string;

/** The flag of `--help`, which all commands with a table of options have. */
export const HELP = 'help';

/** Reads arguments as getopt_long(3) does, or for a builtin as bash does. */
export function readArguments(
  args: readonly string[],
  { options, builtin, needsOperand }: Command,
): Arguments {
  if (!options) return { flags: [], operands: args };
  const flags: string[] = [];
  const operands: string[] = [];
  for (const [index, arg] of args.entries()) {
    if (arg === '--') {
      operands.push(...args.slice(index + 1));
      break;
    }
    if (arg === '--help') return { flags: [HELP], operands };
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg);
    } else if (arg.startsWith('--') && !builtin) {
      const [name, ...value] = arg.slice(2).split('=');
      const flag = Object.keys(options).find((letter) => options[letter]?.[0] === name);
      if (flag === undefined) return `unrecognized option '${arg}'`;
      if (value.length > 0) return `option '--${name}' doesn't allow an argument`;
      flags.push(flag);
    } else {
      const letters = Array.from(arg.slice(1));
      const bad = letters.find((letter) => !Object.hasOwn(options, letter));
      if (bad !== undefined) return builtin ? `-${bad}: invalid option` : `invalid option -- '${bad}'`;
      flags.push(...letters);
    }
  }
  return needsOperand && operands.length === 0 ? 'missing operand' : { flags, operands };
}
