/**
 * A page of memory, which one or more mappings may map.
 *
 * The first to map it pays: its beancounter is charged, and stays so until the last mapping lets go.
 * Source: v6.md, physpages (patches 10 and 11).
 */
import type { Beancounter } from './beancounter.js';
import type { Mapping } from './mapping.js';
import { chargePage, unchargePage } from './resources/physpages.js';

export interface PageOptions {
  /**
   * Asks the owner to let the page go, for reclaim; true: it is unmapped everywhere. `priority` falls from 12 to
   * 0 as the need rises. Default: the page cannot be reclaimed.
   */
  readonly evict?: (page: Page, priority: number) => boolean;
}

interface Place {
  readonly mapping: Mapping;
  readonly index: number;
}

export class Page {
  readonly #evict: PageOptions['evict'];
  #bc: Beancounter | undefined;
  #places: Place[] = [];

  constructor(options: PageOptions = {}) {
    this.#evict = options.evict;
  }

  /** What it is charged to; undefined while nothing maps it. */
  get bc(): Beancounter | undefined {
    return this.#bc;
  }

  /** In how many places it is mapped. */
  get mapcount(): number {
    return this.#places.length;
  }

  /**
   * For `Mapping.fault`.
   *
   * @throws BcfsError ENOMEM if physpages is refused
   */
  map(mapping: Mapping, index: number): void {
    if (!this.#bc) {
      chargePage(mapping.bc, this);
      this.#bc = mapping.bc.get();
    }
    this.#places.push({ mapping, index });
  }

  /** For `Mapping.drop`. */
  unmap(mapping: Mapping, index: number): void {
    this.#places = this.#places.filter((place) => place.mapping !== mapping || place.index !== index);
    const bc = this.#bc;
    if (!bc || this.#places.length > 0) return;
    this.#bc = undefined;
    unchargePage(bc, this);
    bc.put();
  }

  /** Unmaps the page everywhere if no mapping of it is locked and its owner lets it go; returns whether it did. */
  tryReclaim(priority: number): boolean {
    if (this.#places.some(({ mapping }) => mapping.locked)) return false;
    if (!this.#evict?.(this, priority)) return false;
    for (const { mapping, index } of this.#places) mapping.drop(index);
    return true;
  }
}
