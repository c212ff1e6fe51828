/**
 * Resident pages. Charged with LIMIT, to the first beancounter that maps them.
 *
 * At the limit, and when a limit is set below what is held, the beancounter's own pages are reclaimed, oldest
 * first, with rising priority, for as long as that makes progress.
 *
 * Source: v6.md, physpages (patches 10 and 11).
 */
import { BcfsError } from '../../errors.js';
import type { Beancounter } from '../beancounter.js';
import { Severity, type Counter } from '../counter.js';
import type { Page } from '../page.js';
import type { Resource } from '../resource.js';
import { MAXVALUE } from '../value.js';

/** At priority p, the oldest 1/2^p of the pages are asked. */
const FIRST_PRIORITY = 12;

const pagesByCounter = new WeakMap<Counter, Set<Page>>();

/** The pages charged to a beancounter, oldest first. */
function pagesOf(counter: Counter): Set<Page> {
  let pages = pagesByCounter.get(counter);
  if (!pages) {
    pages = new Set();
    pagesByCounter.set(counter, pages);
  }
  return pages;
}

export const physpages: Resource = {
  name: 'physpages',
  unit: 'pages',
  barrier: MAXVALUE,
  limit: MAXVALUE,

  change(counter, _barrier, limit) {
    if (!reclaim(counter, () => counter.held <= limit)) {
      throw new BcfsError('ENOMEM', `physpages holds ${counter.held} and cannot reclaim to ${limit}`);
    }
  },

  limitHit(counter, val, severity) {
    if (reclaim(counter, () => counter.fits(val, severity))) return counter.tryCharge(val, severity);
    counter.failcnt += 1;
    return false;
  },
};

/**
 * Charges a page that is mapped for the first time.
 *
 * @throws BcfsError ENOMEM if it is refused
 */
export function chargePage(bc: Beancounter, page: Page): void {
  const counter = bc.counter(physpages);
  counter.charge(1, Severity.LIMIT);
  pagesOf(counter).add(page);
}

/** Uncharges a page whose last mapping went. */
export function unchargePage(bc: Beancounter, page: Page): void {
  const counter = bc.counter(physpages);
  pagesOf(counter).delete(page);
  counter.uncharge(1);
}

/**
 * Asks for pages to be let go until it is enough, and again for as long as that makes progress.
 *
 * @returns whether it is enough
 */
function reclaim(counter: Counter, enough: () => boolean): boolean {
  const pages = pagesOf(counter);
  while (!enough()) {
    const before = counter.held;
    for (let priority = FIRST_PRIORITY; priority >= 0; priority -= 1) {
      // The set may lose pages on the way, and more than the one that is asked for: iterating it allows that.
      let asked = Math.ceil(pages.size / 2 ** priority);
      for (const page of pages) {
        if (enough()) return true;
        if (asked === 0) break;
        asked -= 1;
        page.tryReclaim(priority);
      }
    }
    if (counter.held >= before) return false;
  }
  return true;
}
