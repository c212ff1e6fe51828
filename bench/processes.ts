/**
 * The servers and the clients that are measured. Each is a process of its own, and none outlives the benchmark:
 * whatever ends it, `Processes.end` takes every mount and every process away again.
 */
import { execFile, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answer, Order, RepeatOrder } from './client.js';

const run = promisify(execFile);

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const bcfsCommand = fileURLToPath(new URL('../../bin/bcfs', import.meta.url));

/** Milliseconds that a server may take to end. */
const PATIENCE = 2000;

/** A file system that is mounted. */
export interface Server {
  readonly mountpoint: string;
  readonly pid: number;
}

export interface StartOptions {
  /** The one CPU to run on. Default: any. */
  readonly cpu?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface BcfsOptions extends StartOptions {
  /** Default: dev-fuse. */
  readonly transport?: 'dev-fuse' | 'fuse-native';
  /** Whether it follows live tasks, in groups of its own. Default: false. */
  readonly live?: boolean;
}

/** A command that is under way. */
export interface Command {
  readonly pid: number;
  /** Ends it, and whatever it has started in its process group. Resolves when it was waited for. */
  end(): Promise<void>;
}

/** The CPUs that this process may use. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** The first CPU that this process may use. */
export function firstCpu(): number {
  return allowedCpus()[0] ?? 0;
}

export class Client {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error if the client could not do it */
  async order(order: Order): Promise<number> {
    return (await this.#ask(order)).value;
  }

  /** @returns nanoseconds of each */
  async repeat(order: RepeatOrder): Promise<readonly number[]> {
    return (await this.#ask(order)).each ?? [];
  }

  async #ask(order: Order): Promise<Answer> {
    this.#child.send(order);
    const [answer] = (await once(this.#child, 'message')) as [Answer];
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  /** Calls `take` with each further answer. */
  onAnswer(take: (answer: Answer) => void): void {
    this.#child.on('message', take);
  }
}

/** Those that have something to take away. */
const live = new Set<Processes>();

/** Takes away whatever is left: for a benchmark that is interrupted. */
export async function endAll(): Promise<void> {
  for (const processes of live) await processes.end();
}

export class Processes {
  readonly #endings: (() => Promise<unknown>)[] = [];
  #ended: Promise<void> | undefined;

  constructor() {
    live.add(this);
  }

  /** bcfs as its command mounts it: the daemon in the background. */
  async bcfs({ transport = 'dev-fuse', live = false, ...options }: BcfsOptions = {}): Promise<Server> {
    const env = { ...process.env, ...options.env };
    // What it keeps of live tasks, and its socket, go with the benchmark.
    if (live) env['BCFS_RUNTIME_DIRECTORY'] = this.scratch();
    const mountpoint = this.#directory();
    const host = live ? ['--host', 'auto', '-o', `cgroup=bcfs-bench-${process.pid}`] : ['--host', 'none'];
    const command = [bcfsCommand, ...host, '--transport', transport, mountpoint];
    const [file = '', ...args] = pinned(options.cpu, command);
    const started = run(file, args, { env });
    this.#endings.push(async () => {
      // A daemon that is starting mounts after an unmount that comes too early.
      await started.catch(() => undefined);
      const pid = findProcess(mountpoint);
      if (live) await run(bcfsCommand, ['umount', '--drop', mountpoint], { env }).catch(() => undefined);
      await run(bcfsCommand, ['umount', '--lazy', mountpoint])
        .catch(() => undefined)
        .finally(() => ended(pid));
    });
    await started;
    return { mountpoint, pid: findProcess(mountpoint) };
  }

  /** The plain file system: see plain.ts. */
  async plain(handlers: 'few' | 'all', options: StartOptions = {}): Promise<Server> {
    const mountpoint = this.#directory();
    this.#endings.push(() => run('umount', ['-l', '--', mountpoint]));
    const child = this.#fork(options, 'plain.js', handlers, mountpoint);
    const [{ error }] = (await once(child, 'message')) as [{ error?: string }];
    if (error !== undefined) throw new Error(`plain: ${error}`);
    return { mountpoint, pid: findProcess(mountpoint) };
  }

  /** The file system in C: see peer.c. */
  async peer(program: string, { cpu }: StartOptions = {}, options: readonly string[] = []): Promise<Server> {
    const mountpoint = this.#directory();
    const [file = '', ...args] = pinned(cpu, [program, '-f', ...options, mountpoint]);
    const child = spawn(file, args, { stdio: 'ignore' });
    const gone = once(child, 'exit');
    this.#endings.push(async () => {
      await run('umount', ['-l', '--', mountpoint]).catch(() => undefined);
      child.kill('SIGKILL');
      await gone;
    });
    const deadline = Date.now() + PATIENCE;
    while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${mountpoint} `)) {
      if (Date.now() > deadline) throw new Error('peer: nothing was mounted');
      await delay(5);
    }
    return { mountpoint, pid: findProcess(mountpoint) };
  }

  client(options: StartOptions = {}): Client {
    return new Client(this.#fork(options, 'client.js'));
  }

  /** A command in a beancounter of a mount of live tasks: see `bcfs run`. @param args its arguments */
  inside(args: readonly string[], { cpu }: StartOptions = {}): Command {
    this.#mustGoOn();
    const [file = '', ...rest] = pinned(cpu, [bcfsCommand, 'run', ...args]);
    const child = spawn(file, rest, { stdio: 'ignore', detached: true });
    const gone = once(child, 'exit');
    const { pid = 0 } = child;
    let ended: Promise<unknown> | undefined;
    const end = async () => {
      // Once: the number of a group that has gone may be another's.
      if (!ended) {
        ended = gone;
        if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
      }
      await ended;
    };
    this.#endings.push(end);
    return { pid, end };
  }

  /** A directory for files; it goes with what is in it. */
  scratch(): string {
    const path = this.#make();
    this.#endings.push(() => rm(path, { recursive: true }));
    return path;
  }

  /** `take` is called when everything is taken away. */
  onEnd(take: () => void | Promise<void>): void {
    // As a promise, for what it throws.
    this.#endings.push(() => Promise.resolve().then(take));
  }

  /** Takes everything away, the last first. Resolves when that is done, whoever has asked first. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    for (let ending = this.#endings.pop(); ending; ending = this.#endings.pop()) {
      await ending().catch(() => undefined);
    }
    live.delete(this);
  }

  #fork({ cpu }: StartOptions, name: string, ...args: string[]): ChildProcess {
    this.#mustGoOn();
    const [execPath = '', ...execArgv] = pinned(cpu, [process.execPath]);
    // With taskset in front, what fork takes for the options of node ends with node itself.
    const child = fork(script(name), args, {
      execPath,
      execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gone = once(child, 'exit');
    this.#endings.push(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    return child;
  }

  /** A directory to mount on. */
  #directory(): string {
    const path = this.#make();
    this.#endings.push(() => rmdir(path));
    return path;
  }

  #make(): string {
    this.#mustGoOn();
    return mkdtempSync(join(tmpdir(), 'bcfs-bench-'));
  }

  /** Nothing is started while everything is taken away. */
  #mustGoOn(): void {
    if (this.#ended) throw new Error('the benchmark was interrupted');
  }
}

/** A command, made to run on one CPU. */
export function pinned(cpu: number | undefined, command: string[]): string[] {
  return cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command];
}

/** The process whose last argument is `argument`. */
function findProcess(argument: string): number {
  const pid = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').endsWith(`\0${argument}\0`);
    } catch {
      return false; // it has ended
    }
  });
  if (pid === undefined) throw new Error(`no process serves ${argument}`);
  return Number(pid);
}

/** Waits for a process that is not our child to end; kills it if it does not. */
async function ended(pid: number): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (existsSync(`/proc/${pid}`)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await delay(20);
  }
}
