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

/** The charged pages of each beancounter, oldest first. */
const pagesOf = new WeakMap<Counter, Set<Page>>();

export const physpages: Resource = {
  name: 'physpages',
  unit: 'pages',
  barrier: MAXVALUE,
  limit: MAXVALUE,

  change(counter, _barrier, limit) {
    while (counter.held > limit) {
      if (reclaim(counter, counter.held - Number(limit)) === 0) {
        throw new BcfsError('ENOMEM', `physpages holds ${counter.held} and cannot reclaim to ${limit}`);
      }
    }
  },

  limitHit(counter, val, severity) {
    while (!counter.fits(val, severity)) {
      if (reclaim(counter, val) === 0) {
        counter.failcnt += 1;
        return false;
      }
    }
    return counter.tryCharge(val, severity);
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
  const pages = pagesOf.get(counter);
  if (pages) pages.add(page);
  else pagesOf.set(counter, new Set([page]));
}

/** Uncharges a page whose last mapping went. */
export function unchargePage(bc: Beancounter, page: Page): void {
  const counter = bc.counter(physpages);
  pagesOf.get(counter)?.delete(page);
  counter.uncharge(1);
}

/**
 * Asks for pages to be let go until `wanted` of them are.
 *
 * @returns how many were
 */
function reclaim(counter: Counter, wanted: number): number {
  const pages = pagesOf.get(counter) ?? new Set();
  let reclaimed = 0;
  for (let priority = FIRST_PRIORITY; priority >= 0 && reclaimed < wanted; priority -= 1) {
    const oldest = [...pages].slice(0, Math.ceil(pages.size / 2 ** priority));
    for (const page of oldest) {
      if (reclaimed === wanted) break;
      if (page.tryReclaim(priority)) reclaimed += 1;
    }
  }
  return reclaimed;
}
