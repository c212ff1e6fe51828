/**
 * The groups of beancounters in one hierarchy of cgroups, whichever version: directories below a directory of bcfs's
 * own, which is made with the first group and removed with the last.
 *
 * Sources: the kernel's cgroup-v1/cgroups.rst, cgroup-v2.rst. The two differ here in two things. The file that takes a
 * thread is `tasks` in v1 and `cgroup.threads` in v2. And in v2 a group has the controllers that its parent's
 * `cgroup.subtree_control` names: they are named there in bcfs's directory, and in its parent as far as they are
 * missing, and nowhere else. They stay named in the parent, where others may have come to need them.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { BcfsError } from '../errors.js';
import type { Controller, Groups } from './groups.js';
import { asBcfsError, readText, writeText } from './kernel-files.js';

/** Where in a hierarchy groups can be. */
export interface Place {
  readonly version: Groups['version'];
  /** Those of ours that groups have there. */
  readonly controllers: readonly Controller[];
  /** The directory of the group in which bcfs's directory is made. */
  readonly parent: string;
  /** The directory of the group that bcfs itself is in: the one of beancounter 0. */
  readonly own: string;
}

const threadFile = { v1: 'tasks', v2: 'cgroup.threads' } as const;

const idPattern = /^(?:0|[1-9][0-9]*)$/;

export class CgroupGroups implements Groups {
  readonly version: Groups['version'];
  readonly controllers: readonly Controller[];
  readonly directory: string;
  readonly #place: Place;
  /** The ids of the groups that were made or taken over, and not removed. */
  readonly #made = new Set<number>();

  /** Makes nothing yet. @param name of bcfs's directory */
  constructor(place: Place, name: string) {
    this.version = place.version;
    this.controllers = place.controllers;
    this.directory = `${place.parent}/${name}`;
    this.#place = place;
  }

  /** The path of a file of a group. @param id not 0 */
  file(id: number, name: string): string {
    return `${this.directory}/${id}/${name}`;
  }

  ids(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.directory);
    } catch {
      return [];
    }
    return names
      .filter((name) => idPattern.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  make(id: number): void {
    if (this.#made.size === 0) this.#prepare();
    makeDirectory(`${this.directory}/${id}`);
    this.#made.add(id);
  }

  remove(id: number): boolean {
    if (!removeDirectory(`${this.directory}/${id}`)) return false;
    this.#made.delete(id);
    // It stays where there are groups that another bcfs has left.
    if (this.#made.size === 0) removeDirectory(this.directory);
    return true;
  }

  moveProcess(pid: number, id: number): void {
    this.#move('process', pid, id, 'cgroup.procs');
  }

  moveThread(tid: number, id: number): void {
    this.#move('thread', tid, id, threadFile[this.version]);
  }

  processes(id: number): number[] {
    return this.#list(id, 'cgroup.procs');
  }

  threads(id: number): number[] {
    return this.#list(id, threadFile[this.version]);
  }

  #prepare(): void {
    const { version, controllers, parent } = this.#place;
    if (version === 'v2') enable(parent, controllers);
    makeDirectory(this.directory);
    if (version === 'v2') enable(this.directory, controllers);
  }

  #move(kind: string, task: number, id: number, name: string): void {
    // The kernel takes 0 for the one who writes.
    if (task <= 0) throw new BcfsError('EINVAL', `${task} is not a ${kind}`);
    const directory = id === 0 ? this.#place.own : `${this.directory}/${id}`;
    try {
      writeText(`${directory}/${name}`, String(task));
    } catch (error) {
      throw asBcfsError(error, `${kind} ${task} cannot be moved to ${directory}`);
    }
  }

  #list(id: number, name: string): number[] {
    const directory = id === 0 ? this.#place.own : `${this.directory}/${id}`;
    let text: string;
    try {
      text = readFileSync(`${directory}/${name}`, 'latin1');
    } catch (error) {
      throw asBcfsError(error, `${directory}/${name}`);
    }
    // v2 may name one twice. It writes 0 for those that this pid namespace does not see.
    const numbers = new Set(text.split('\n', -1).map(Number));
    numbers.delete(0);
    return [...numbers].sort((a, b) => a - b);
  }
}

/** Has the children of a group have controllers. @throws BcfsError EBUSY if a process is in it, EACCES, ENOENT */
function enable(directory: string, controllers: readonly Controller[]): void {
  const path = `${directory}/cgroup.subtree_control`;
  const enabled = readText(path).trim().split(' ');
  const missing = controllers.filter((controller) => !enabled.includes(controller));
  if (missing.length > 0) writeText(path, missing.map((controller) => `+${controller}`).join(' '));
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const failed = asBcfsError(error, `mkdir ${path}`);
    if (failed.code !== 'EEXIST') throw failed;
  }
}

/** @returns whether it has gone; false while it is in use */
function removeDirectory(path: string): boolean {
  try {
    rmdirSync(path);
  } catch (error) {
    const failed = asBcfsError(error, `rmdir ${path}`);
    if (failed.code === 'EBUSY' || failed.code === 'ENOTEMPTY') return false;
    if (failed.code !== 'ENOENT') throw failed;
  }
  return true;
}
