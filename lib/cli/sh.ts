/** `bcfs sh [-c commands]`: the tree without FUSE, in this process, with a small shell to use it. */
import { readSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';
import type { Errno } from '../errors.js';
import { operations } from '../fuse/operations.js';
import { hostTree } from './host-tree.js';
import { defaultSettings, type MountSettings } from './mount-options.js';
import { createShell, type Shell } from './shell/shell.js';

export interface ShFlags {
  /** The commands; without them they are read from stdin. */
  readonly c?: string;
  readonly options?: MountSettings;
}

/** What the shell is connected to. */
export interface Stdio {
  readonly fds: readonly [stdin: number, stdout: number, stderr: number];
  /** Stdout, if it is a terminal. */
  readonly terminal: (Writable & { readonly columns?: number }) | undefined;
  /** Whether stdin is one too, and somebody types. */
  readonly interactive: boolean;
  /** Stdin, to read commands from. Not called otherwise: it makes the descriptor unfit for reading it whole. */
  readonly input: () => Readable;
}

/** That of the process. */
export function processStdio(isTerminal: (fd: number) => boolean = isatty): Stdio {
  return {
    fds: [0, 1, 2],
    terminal: isTerminal(1) ? process.stdout : undefined,
    interactive: isTerminal(0) && isTerminal(1),
    input: () => process.stdin,
  };
}

/** `$?` after a line that was given up with ^C, as in bash. */
const INTERRUPTED = 130;

/** @returns the exit status: that of the last command */
export async function shCommand(
  { c, options: settings = defaultSettings() }: ShFlags,
  stdio: Stdio,
): Promise<number> {
  const { fds, terminal } = stdio;
  const [stdin, stdout, stderr] = fds;
  const complain = (text: string) => void writeAll(stderr, Buffer.from(text));
  const host = hostTree(settings, (line) => complain(`bcfs: ${line}\n`));
  const shell = createShell(operations(host.tree), {
    stdout: (bytes) => writeAll(stdout, bytes),
    stderr: complain,
    // Where commands are read from stdin, there is nothing else in it.
    stdin: () => (c === undefined ? new Uint8Array() : readAll(stdin)),
    columns: terminal?.columns,
    pid: process.pid,
    variables: process.env,
    ro: settings.ro,
    settle: () => host.tick(),
  });
  if (c === undefined) await runLines(shell, stdio);
  else shell.run(c);
  return shell.session.status;
}

/** Runs lines as they come, and asks for them where somebody types, until they end or the shell does. */
async function runLines(shell: Shell, { input, terminal, interactive }: Stdio): Promise<void> {
  const prompter = interactive ? terminal : undefined;
  const reader = createInterface({ input: input(), ...(prompter && { output: prompter, terminal: true }) });
  const ended = new Promise((resolve) => reader.once('close', resolve));
  let text = '';

  function ask(): void {
    if (!prompter) return;
    reader.setPrompt(text === '' ? `bcfs:${shell.session.files.cwd}$ ` : '> ');
    reader.prompt();
  }

  reader.on('line', (line) => {
    const { session } = shell;
    // Lines that came with the last one come after the end, too.
    if (session.exited) return;
    text += `${line}\n`;
    const outcome = shell.run(text, false);
    if (outcome !== 'incomplete') text = '';
    // As sh does: whoever types may try again, a script may not.
    if (outcome === 'syntax error' && !prompter) session.exited = true;
    if (session.exited) reader.close();
    else ask();
  });
  reader.on('SIGINT', () => {
    // Leave the line where it is, and begin another: end, newline, and away with what readline still has of it.
    reader.write(null, { ctrl: true, name: 'e' });
    prompter?.write('\n');
    reader.write(null, { ctrl: true, name: 'u' });
    text = '';
    shell.session.status = INTERRUPTED;
    ask();
  });

  ask();
  await ended;
  if (shell.session.exited) return;
  prompter?.write('\n');
  shell.run(text);
}

/** Writes all of `bytes`. */
export function writeAll(fd: number, bytes: Uint8Array): 0 | Errno {
  for (let at = 0; at < bytes.length;) {
    const count = patiently(() => writeSync(fd, bytes, at));
    if (count < 0) return count;
    at += count;
  }
  return 0;
}

/** Reads to the end. */
export function readAll(fd: number): Uint8Array | Errno {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = Buffer.alloc(CHUNK);
    const count = patiently(() => readSync(fd, chunk));
    if (count < 0) return count;
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
  }
}

/** Bytes to read at once. */
const CHUNK = 65536;

/** How long to wait before what is full or empty is tried again, in milliseconds. */
const PAUSE = 1;

/** Reads or writes, and waits until that can be done: others may have made the descriptor non-blocking. */
function patiently(call: () => number): number | Errno {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const { code, errno } = error as { code: string; errno: Errno };
      // Node's is negative, as ours.
      if (code !== 'EAGAIN') return errno;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}
