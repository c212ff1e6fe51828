/**
 * The processes that share one address space: a process, and those that were made with CLONE_VM and are no threads of
 * it (vfork, for as long as the child has not called exec). v6's `tasks` moves them together.
 *
 * They are looked for among a process's descendants and its parent: whoever shares was made by one of the others.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { threadsOf } from './task-info.js';

/** Whether two processes share their address space. */
export type SharesMemory = (pid: number, other: number) => boolean;

/**
 * @param proc where proc is mounted
 * @returns the processes, the one that was asked for first
 */
export function addressSharers(proc: string, pid: number, shares: SharesMemory): number[] {
  const found = new Set([pid]);
  // The set grows while it is walked.
  for (const one of found) {
    for (const other of [...childrenOf(proc, one), parentOf(proc, one)]) {
      if (other > 0 && !found.has(other) && shares(pid, other)) found.add(other);
    }
  }
  return [...found];
}

/**
 * The children of a process, whichever of its threads made them: the kernel lists them by thread. A kernel that does
 * not list them has all processes looked at: some 20 µs each.
 */
function childrenOf(proc: string, pid: number): number[] {
  if (existsSync(`${proc}/${pid}/task/${pid}/children`)) {
    return threadsOf(proc, pid).flatMap((tid) => numbers(tryRead(`${proc}/${pid}/task/${tid}/children`)));
  }
  return readdirSync(proc)
    .map(Number)
    .filter((other) => other > 0 && parentOf(proc, other) === pid);
}

function numbers(text: string): number[] {
  return text.split(' ').filter(Boolean).map(Number);
}

/** 0 where there is none to be seen. Source: proc_pid_stat(5), ppid. */
function parentOf(proc: string, pid: number): number {
  const stat = tryRead(`${proc}/${pid}/stat`);
  // The name, in parentheses, may hold anything.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
