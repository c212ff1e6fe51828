/** What /proc tells of one task: enough to move it, and to know it again. Source: proc_pid_stat(5), proc_pid_status(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's PF_KTHREAD: a task without an address space. */
const PF_KTHREAD = 0x00200000;

export interface TaskInfo {
  readonly tid: number;
  /** The process that it is a thread of. */
  readonly tgid: number;
  /** In clock ticks since boot: tells it from another task of the same tid. */
  readonly start: string;
  /** Its real user. */
  readonly uid: number;
  /** False for a kernel thread, and for one that has ended and was not waited for. */
  readonly hasMemory: boolean;
}

/**
 * One task, by the tid of any thread.
 *
 * @param proc where proc is mounted
 * @returns undefined if there is none
 */
export function readTask(proc: string, tid: number): TaskInfo | undefined {
  const status = tryRead(`${proc}/${tid}/status`);
  if (status === undefined) return undefined;
  const tgid = Number(/^Tgid:\t(\d+)/m.exec(status)?.[1]);
  const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
  const stat = readStat(proc, tgid, tid);
  return stat && { tid, tgid, uid, ...stat };
}

/**
 * The start time of a thread, waited for or not: for as long as that the kernel's pids controller counts it. A thread
 * is read below its process.
 *
 * @returns undefined if there is none
 */
export function startOf(proc: string, tgid: number, tid: number): string | undefined {
  return readStat(proc, tgid, tid)?.start;
}

/** The threads of a process; none if it has gone. */
export function threadsOf(proc: string, tgid: number): number[] {
  return tryList(`${proc}/${tgid}/task`).map(Number);
}

/**
 * The beancounter whose group a task is in, by the groups' names; 0 for one that is in none of them.
 *
 * @param directory the name of the directory that the groups are in
 */
export function beancounterOf(proc: string, tid: number, directory: string): number {
  const lines = (tryRead(`${proc}/${tid}/cgroup`) ?? '').split('\n');
  for (const line of lines) {
    const [group = '', above] = line.split('/').reverse();
    if (above === directory && /^[1-9][0-9]*$/.test(group)) return Number(group);
  }
  return 0;
}

/** The resident pages of a process; 0 if it has gone. Source: proc_pid_statm(5). */
export function residentPagesOf(proc: string, pid: number): number {
  return Number(tryRead(`${proc}/${pid}/statm`)?.split(' ')[1] ?? 0);
}

/** What a process was started as; its name in brackets where it has no command line. */
export function commandOf(proc: string, pid: number): string {
  const line = (tryRead(`${proc}/${pid}/cmdline`) ?? '').replace(/\0+$/, '').replaceAll('\0', ' ');
  return line === '' ? `[${(tryRead(`${proc}/${pid}/comm`) ?? '').trimEnd()}]` : line;
}

function readStat(
  proc: string,
  tgid: number,
  tid: number,
): { start: string; hasMemory: boolean } | undefined {
  const stat = tryRead(`${proc}/${tgid}/task/${tid}/stat`);
  if (stat === undefined) return undefined;
  // The name, in parentheses, may hold anything. After it: state, ppid, pgrp, session, tty, tpgid, flags, …
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , , , , , flags = '0'] = fields;
  const hasMemory = (Number(flags) & PF_KTHREAD) === 0 && !/[ZXx]/.test(state);
  return { start: fields[19] ?? '', hasMemory };
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended
  }
}

function tryList(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // it has ended
  }
}
