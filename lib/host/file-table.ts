/**
 * Open files (`struct file`), each counted once, however many descriptors of however many processes lead to it.
 *
 * A file belongs to the beancounter that it was found in first, for that is its opener's; a descriptor that a child
 * inherits, or that was duplicated, is the same file by kcmp(2) and changes nothing. Only files that lead to the same
 * target are compared, in the kernel's own order, so that a file is found among n by log n calls.
 *
 * What cannot be told: another file with the same target under the same number is taken for the one before. A file
 * that is renamed counts as a new one of whoever has it then.
 */
import type { SamplingCalls } from './native.js';

interface Descriptor {
  readonly pid: number;
  readonly fd: number;
  readonly target: string;
  readonly file: File;
  /** When it was seen to lead there last. */
  turn: number;
}

interface File {
  readonly owner: number;
  readonly target: string;
  readonly descriptors: Set<Descriptor>;
}

const DELETED = / \(deleted\)$/;

export class FileTable {
  readonly #calls: Pick<SamplingCalls, 'compareFiles'>;
  readonly #target: (pid: number, fd: number) => string | undefined;
  /** By pid, then by number. */
  readonly #processes = new Map<number, Map<number, Descriptor>>();
  /** By target, in the kernel's order. */
  readonly #files = new Map<string, File[]>();
  /** By owner, items. */
  readonly #held = new Map<number, number>();
  #turn = 0;

  /** @param target where a descriptor leads now; undefined: it is not open any more */
  constructor(
    calls: Pick<SamplingCalls, 'compareFiles'>,
    target: (pid: number, fd: number) => string | undefined,
  ) {
    this.#calls = calls;
    this.#target = target;
  }

  /** The beancounters that have files, or had. */
  get owners(): Iterable<number> {
    return this.#held.keys();
  }

  /** A new look at all processes begins: what was seen before may have changed. */
  nextTurn(): void {
    this.#turn += 1;
  }

  /** Files of a beancounter, items. */
  held(owner: number): number {
    return this.#held.get(owner) ?? 0;
  }

  /** The numbers of a process's descriptors when it was listed last, ascending. */
  descriptors(pid: number): number[] {
    return [...(this.#processes.get(pid)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** Files of a beancounter that are closed if a process closes all its descriptors but these, items. */
  closedBut(pid: number, owner: number, kept: readonly number[]): number {
    const stays = new Set(kept);
    const closed = new Set<File>();
    for (const { file } of this.#processes.get(pid)?.values() ?? []) {
      const isLast = [...file.descriptors].every((seen) => seen.pid === pid && !stays.has(seen.fd));
      if (file.owner === owner && isLast) closed.add(file);
    }
    return closed.size;
  }

  /** Whether a process has a file of another beancounter than this, and than 0. */
  hasOthers(pid: number, id: number): boolean {
    for (const { file } of this.#processes.get(pid)?.values() ?? []) {
      if (file.owner !== id && file.owner !== 0) return true;
    }
    return false;
  }

  /**
   * Takes in what a process has open now.
   *
   * @param owner whose a file is that no process was seen to have
   */
  list(pid: number, files: ReadonlyMap<number, string>, owner: (fd: number, target: string) => number): void {
    const known = this.#processes.get(pid) ?? new Map<number, Descriptor>();
    this.#processes.set(pid, known);
    const fresh: [number, string][] = [];
    const gone = new Map(known);
    for (const [fd, raw] of files) {
      const target = raw.replace(DELETED, '');
      const same = known.get(fd);
      if (same?.target === target) {
        same.turn = this.#turn;
        gone.delete(fd);
      } else fresh.push([fd, target]);
    }
    // What has moved to another number (dup2 and close) is found while its file is known by the old one, if that is
    // still open; else by a comparison that fails, and it is a new file.
    for (const descriptor of gone.values()) this.#close(known, descriptor);
    for (const [fd, target] of fresh) this.#add(known, pid, fd, target, owner);
  }

  /** A process has ended. */
  forget(pid: number): void {
    const known = this.#processes.get(pid);
    for (const descriptor of known?.values() ?? []) this.#close(known, descriptor);
    this.#processes.delete(pid);
  }

  #add(
    known: Map<number, Descriptor>,
    pid: number,
    fd: number,
    target: string,
    owner: (fd: number, target: string) => number,
  ): void {
    const files = this.#files.get(target) ?? [];
    let low = 0;
    let high = files.length;
    let file: File | undefined;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = files[middle];
      const order = candidate && this.#order(pid, fd, candidate);
      if (order === 'ours') break;
      if (order === undefined) {
        // Nobody has it open any more where it was seen: it goes, and the range is one shorter.
        if (candidate) this.#drop(candidate);
        high -= 1;
      } else if (order === 'equal') {
        file = candidate;
        break;
      } else if (order === 'less') high = middle;
      else low = middle + 1;
    }
    // Redirected while it was listed: the next look sees where it leads.
    if (this.#target(pid, fd)?.replace(DELETED, '') !== target) return;
    if (!file) {
      file = { owner: owner(fd, target), target, descriptors: new Set() };
      const present = this.#files.get(target) ?? [];
      present.splice(low, 0, file);
      this.#files.set(target, present);
      this.#held.set(file.owner, this.held(file.owner) + 1);
    }
    const descriptor = { pid, fd, target, file, turn: this.#turn };
    file.descriptors.add(descriptor);
    known.set(fd, descriptor);
  }

  /** `ours`: the descriptor itself is not open any more, or kcmp is not permitted; undefined: the file is not open where it was seen. */
  #order(pid: number, fd: number, file: File): 'equal' | 'less' | 'greater' | 'ours' | undefined {
    for (const seen of file.descriptors) {
      const order = this.#calls.compareFiles(pid, fd, seen.pid, seen.fd);
      // An order that is wrong has a file count twice at the worst; but nothing else is taken for the same file.
      const isBelieved = order !== undefined && order !== 'equal' && seen.turn === this.#turn;
      const isLeading = isBelieved || this.#leads(seen);
      if (isLeading) return order ?? 'ours';
    }
    return undefined;
  }

  #leads(seen: Descriptor): boolean {
    if (this.#target(seen.pid, seen.fd)?.replace(DELETED, '') !== seen.target) return false;
    seen.turn = this.#turn;
    return true;
  }

  #close(known: Map<number, Descriptor> | undefined, descriptor: Descriptor): void {
    known?.delete(descriptor.fd);
    descriptor.file.descriptors.delete(descriptor);
    if (descriptor.file.descriptors.size === 0) this.#drop(descriptor.file);
  }

  #drop(file: File): void {
    for (const { pid, fd } of file.descriptors) this.#processes.get(pid)?.delete(fd);
    file.descriptors.clear();
    const files = this.#files.get(file.target);
    const index = files?.indexOf(file) ?? -1;
    if (!files || index < 0) return;
    files.splice(index, 1);
    if (files.length === 0) this.#files.delete(file.target);
    this.#held.set(file.owner, this.held(file.owner) - 1);
  }
}
