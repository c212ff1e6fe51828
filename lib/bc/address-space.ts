/**
 * The memory of a process: its mappings, and the beancounter that new ones are charged to.
 *
 * The threads of a process share it; each user holds a count of it, and when the last one goes, so do its
 * mappings. Source: v6.md, privvmpages (patches 8 and 9).
 */
import { BcfsError } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import { Severity } from './counter.js';
import { Mapping, type MappingOptions } from './mapping.js';

export class AddressSpace {
  readonly mappings = new Set<Mapping>();
  #bc: Beancounter;
  #users = 1;

  /** The maker is its first user. It holds a reference on `bc`. */
  constructor(bc: Beancounter) {
    this.#bc = bc.get();
  }

  /** What new mappings are charged to. */
  get bc(): Beancounter {
    return this.#bc;
  }

  /** Charges new mappings to another beancounter; what is mapped stays where it was charged. */
  setBc(bc: Beancounter): void {
    this.#mustLive();
    const old = this.#bc;
    this.#bc = bc.get();
    old.put();
  }

  /** One more user. */
  get(): this {
    this.#mustLive();
    this.#users += 1;
    return this;
  }

  /** One user less; with the last one the mappings go, and the reference on the beancounter. */
  put(): void {
    this.#mustLive();
    this.#users -= 1;
    if (this.#users > 0) return;
    for (const mapping of this.mappings) mapping.unmap();
    this.#bc.put();
  }

  /**
   * mmap and brk: maps pages, charged with BARRIER.
   *
   * @throws BcfsError ENOMEM if privvmpages is refused
   */
  map(pages: number, options: MappingOptions = {}): Mapping {
    return this.#map(pages, options, Severity.BARRIER);
  }

  /**
   * What exec maps: charged with LIMIT.
   *
   * @throws BcfsError ENOMEM if privvmpages is refused
   */
  mapForExec(pages: number, options: MappingOptions = {}): Mapping {
    return this.#map(pages, options, Severity.LIMIT);
  }

  /**
   * fork: a copy for a child, its mappings charged to `bc` with BARRIER. Resident pages are shared and stay with
   * their first user; locks are not inherited (fork(2)).
   *
   * @throws BcfsError ENOMEM if privvmpages is refused; then nothing stays charged
   */
  copy(bc: Beancounter): AddressSpace {
    this.#mustLive();
    const child = new AddressSpace(bc);
    try {
      for (const mapping of this.mappings) {
        const { pages, writable, shared, anonymous } = mapping;
        const copy = child.map(pages, { writable, shared, anonymous });
        for (const [index, page] of mapping.resident) copy.fault(index, page);
      }
    } catch (error) {
      child.put();
      throw error;
    }
    return child;
  }

  #map(pages: number, options: MappingOptions, severity: Severity): Mapping {
    this.#mustLive();
    return new Mapping(this, pages, options, severity);
  }

  #mustLive(): void {
    if (this.#users === 0) throw new BcfsError('EINVAL', 'the address space has no user left');
  }
}
