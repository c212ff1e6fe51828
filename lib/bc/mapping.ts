/**
 * A mapping of pages in an address space.
 *
 * It counts in privvmpages when it could come to need memory of its own: when it is locked, or writable and
 * (anonymous or not shared). It remembers the beancounter that it was charged to, whatever becomes of the
 * address space. Pages become resident one by one, and those count in physpages.
 *
 * Source: v6.md, privvmpages (patches 8 and 9).
 */
import { BcfsError } from '../errors.js';
import type { AddressSpace } from './address-space.js';
import type { Beancounter } from './beancounter.js';
import { Severity } from './counter.js';
import { Page } from './page.js';
import { privvmpages } from './resources/privvmpages.js';

/** What mmap(2) is told. */
export interface MappingOptions {
  /** PROT_WRITE. Default: true. */
  readonly writable?: boolean;
  /** MAP_SHARED. Default: false. */
  readonly shared?: boolean;
  /** MAP_ANONYMOUS. Default: true. */
  readonly anonymous?: boolean;
  /** MAP_LOCKED. Default: false. */
  readonly locked?: boolean;
}

export class Mapping {
  readonly mm: AddressSpace;
  /** What it was charged to. */
  readonly bc: Beancounter;
  readonly shared: boolean;
  readonly anonymous: boolean;
  /** The resident pages, by their index in the mapping. */
  readonly resident = new Map<number, Page>();
  #pages: number;
  #writable: boolean;
  #locked: boolean;

  /** Made by an address space, and charged to its beancounter; see `AddressSpace.map`. */
  constructor(mm: AddressSpace, pages: number, options: MappingOptions, severity: Severity, bc = mm.bc) {
    this.mm = mm;
    this.bc = bc;
    this.shared = options.shared ?? false;
    this.anonymous = options.anonymous ?? true;
    this.#pages = mustBePages(pages);
    this.#writable = options.writable ?? true;
    this.#locked = options.locked ?? false;
    if (this.counts) this.#counter.charge(pages, severity);
    this.bc.get();
    mm.mappings.add(this);
  }

  /** Its length, in pages. */
  get pages(): number {
    return this.#pages;
  }

  get writable(): boolean {
    return this.#writable;
  }

  get locked(): boolean {
    return this.#locked;
  }

  /** Whether its pages are charged to privvmpages. */
  get counts(): boolean {
    return counts(this.#writable, this.#locked, this.shared, this.anonymous);
  }

  /**
   * brk, mremap: `pages` more, charged with BARRIER.
   *
   * @throws BcfsError ENOMEM if refused; nothing changes
   */
  grow(pages: number): void {
    this.#grow(pages, Severity.BARRIER);
  }

  /**
   * The stack grows: `pages` more, charged with LIMIT.
   *
   * @throws BcfsError ENOMEM if refused; nothing changes
   */
  growStack(pages: number): void {
    this.#grow(pages, Severity.LIMIT);
  }

  /** Cuts the mapping to its first `pages` pages; what was behind them is unmapped. */
  truncate(pages: number): void {
    this.split(pages).unmap();
  }

  /** Cuts the mapping in two; the part from page `at` on is returned. Nothing is recharged. */
  split(at: number): Mapping {
    this.#mustBeMapped();
    if (mustBePages(at) >= this.#pages) {
      throw new BcfsError('EINVAL', `cannot split ${this.#pages} pages at ${at}`);
    }
    const { mm, shared, anonymous } = this;
    // Made uncounted, then handed its share of what this one holds.
    const tail = new Mapping(
      mm,
      this.#pages - at,
      { writable: false, shared, anonymous },
      Severity.FORCE,
      this.bc,
    );
    tail.#writable = this.#writable;
    tail.#locked = this.#locked;
    this.#pages = at;
    for (const [index, page] of this.resident) {
      if (index < at) continue;
      tail.fault(index - at, page);
      this.drop(index);
    }
    return tail;
  }

  /**
   * Joins the mapping that follows to this one, if they are alike and charged to the same beancounter: mappings
   * of different beancounters never merge.
   *
   * @returns whether they were joined
   */
  merge(next: Mapping): boolean {
    this.#mustBeMapped();
    next.#mustBeMapped();
    const alike =
      next !== this &&
      next.mm === this.mm &&
      next.bc === this.bc &&
      next.shared === this.shared &&
      next.anonymous === this.anonymous &&
      next.#writable === this.#writable &&
      next.#locked === this.#locked &&
      Number.isSafeInteger(this.#pages + next.#pages);
    if (!alike) return false;
    const at = this.#pages;
    this.#pages += next.#pages;
    for (const [index, page] of next.resident) this.fault(at + index, page);
    // Its pages are counted here from now on.
    next.#pages = 0;
    next.unmap();
    return true;
  }

  /**
   * mprotect: charges with BARRIER, or uncharges, when this changes whether the mapping counts.
   *
   * @throws BcfsError ENOMEM if refused; nothing changes
   */
  protect(writable: boolean): void {
    this.#become(writable, this.#locked);
  }

  /**
   * mlock, munlock: as `protect`.
   *
   * @throws BcfsError ENOMEM if refused; nothing changes
   */
  lock(locked: boolean): void {
    this.#become(this.#writable, locked);
  }

  /**
   * A page fault: makes a page resident at an index. A page that nobody else maps is charged to this mapping's
   * beancounter.
   *
   * @throws BcfsError ENOMEM if physpages is refused, EINVAL outside the mapping, EEXIST where a page is
   */
  fault(index: number, page: Page = new Page()): Page {
    this.#mustBeMapped();
    if (!Number.isInteger(index) || index < 0 || index >= this.#pages) {
      throw new BcfsError('EINVAL', `page ${index} is outside a mapping of ${this.#pages}`);
    }
    if (this.resident.has(index)) throw new BcfsError('EEXIST', `page ${index} is resident`);
    page.map(this, index);
    this.resident.set(index, page);
    return page;
  }

  /** Takes the page at an index out of the mapping; nothing happens where none is. */
  drop(index: number): void {
    const page = this.resident.get(index);
    if (!page) return;
    this.resident.delete(index);
    page.unmap(this, index);
  }

  /** munmap: everything it holds is uncharged. */
  unmap(): void {
    this.#mustBeMapped();
    for (const index of this.resident.keys()) this.drop(index);
    this.mm.mappings.delete(this);
    if (this.counts) this.#counter.uncharge(this.#pages);
    this.bc.put();
  }

  get #counter() {
    return this.bc.counter(privvmpages);
  }

  #grow(pages: number, severity: Severity): void {
    this.#mustBeMapped();
    mustBePages(pages);
    if (this.counts) this.#counter.charge(pages, severity);
    else mustBePages(this.#pages + pages);
    this.#pages += pages;
  }

  #become(writable: boolean, locked: boolean): void {
    this.#mustBeMapped();
    const before = this.counts;
    const after = counts(writable, locked, this.shared, this.anonymous);
    if (after && !before) this.#counter.charge(this.#pages, Severity.BARRIER);
    if (before && !after) this.#counter.uncharge(this.#pages);
    this.#writable = writable;
    this.#locked = locked;
  }

  #mustBeMapped(): void {
    if (!this.mm.mappings.has(this)) throw new BcfsError('EINVAL', 'the mapping is unmapped');
  }
}

function counts(writable: boolean, locked: boolean, shared: boolean, anonymous: boolean): boolean {
  return locked || (writable && (anonymous || !shared));
}

function mustBePages(pages: number): number {
  if (!Number.isSafeInteger(pages) || pages <= 0) {
    throw new BcfsError('EINVAL', `${pages} is not a number of pages`);
  }
  return pages;
}
