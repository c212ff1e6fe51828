/** Runs the built examples, each in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';
import { plain, root, run, TIME_LIMIT, type Outcome } from '../fixtures/command.js';
import { emptyDirectory } from '../fixtures/mounted.js';

function path(name: string): string {
  return `${root}dist/examples/${name}.js`;
}

/** An example that runs to its end. */
export function runExample(name: string, ...args: string[]): Promise<Outcome> {
  return run(process.execPath, [path(name), ...args]);
}

/** An example that is mounted. */
export interface Running {
  readonly mountpoint: string;
  /** Waits until it has said a line. */
  readonly said: (line: string) => Promise<void>;
  /** Ends it with a signal. @returns its exit code, and what it printed in all */
  readonly end: (
    signal: NodeJS.Signals,
  ) => Promise<{ readonly code: number | null; readonly stdout: string }>;
}

/** Starts an example on a directory of its own, and waits until it is mounted. */
export async function mountExample(t: Test, name: string): Promise<Running> {
  const mountpoint = await emptyDirectory(t);
  const { child, said, stdout } = start(t, path(name), mountpoint);
  await said(`mounted on ${mountpoint}; end with ^C`);
  return {
    mountpoint,
    said,
    end: async (signal) => {
      const closed = once(child, 'close');
      child.kill(signal);
      const [code] = (await closed) as [number | null];
      return { code, stdout: stdout() };
    },
  };
}

/** Starts a script of Node, for the time of a test at the most. */
export function start(t: Test, ...args: string[]) {
  const child: ChildProcess = spawn(...plain(process.execPath, args), {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
  });
  const closed = once(child, 'close');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return {
    child,
    closed,
    stdout: () => text,
    said: async (line: string): Promise<void> => {
      const isThere = () => text.split('\n').includes(line);
      while (!isThere()) {
        const more = child.stdout ? once(child.stdout, 'data') : closed;
        if (await Promise.race([more.then(() => false), closed.then(() => true)])) {
          if (isThere()) return;
          throw new Error(`it ended, and never said: ${line}\n${text}`);
        }
      }
    },
  };
}
