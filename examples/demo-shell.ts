/** A shell that the demo types commands into: bash, or `bcfs sh`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What a command printed, as a terminal would show it, and its exit status. */
export interface Printed {
  readonly text: string;
  readonly status: number;
}

/** Milliseconds that a command may take. */
const PATIENCE = 20_000;

export class DemoShell {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #output = '';
  #commands = 0;

  /** @param command started by sh, so that what it prints and what it complains about come in their order */
  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    // A session of its own: an interactive bash would take over the terminal that the demo runs on.
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    this.#child = spawn('sh', ['-c', `exec ${command} 2>&1`], {
      cwd,
      env,
      detached: true,
      stdio: [...stdio],
    });
    this.#gone = once(this.#child, 'close');
    this.#child.stdin?.on('error', () => {
      // It has ended: `type` notices.
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
  }

  /** What it says before the first command is no matter of the demo. */
  async start(): Promise<this> {
    await this.type(':');
    return this;
  }

  /**
   * Types a line, and waits until what it does is done.
   *
   * @throws Error if the shell ends, or the line takes too long
   */
  async type(line: string): Promise<Printed> {
    this.#commands += 1;
    const mark = `demo-${this.#commands}-`;
    this.#output = '';
    this.#child.stdin?.write(`${line}\necho ${mark}$?\n`);
    const pattern = new RegExp(`${mark}(\\d+)\\n`);
    const late = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found) return { text: this.#output.slice(0, found.index), status: Number(found[1]) };
      const more = this.#child.stdout ? once(this.#child.stdout, 'data', { signal: late }) : this.#gone;
      const isGone = await Promise.race([more.then(() => false), this.#gone.then(() => true)]);
      if (isGone) throw new Error(`the shell ended at: ${line}\n${this.#output}`);
    }
  }

  /** Ends it, and whatever it has started and not put into the background. */
  async end(): Promise<void> {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
    await this.#gone;
  }
}
