/**
 * One resource of live tasks: where held is read, and what holds the limit. One row each in `liveResources`.
 *
 * Sources: v6.md; host.md, "The map"; the kernel's cgroup-v1/pids.rst, cgroup-v1/memory.rst, cgroup-v2.rst.
 */
import type { Counter } from '../bc/counter.js';
import type { Resource } from '../bc/resource.js';
import { kmemsize } from '../bc/resources/kmemsize.js';
import { numfiles } from '../bc/resources/numfiles.js';
import { numtasks } from '../bc/resources/numtasks.js';
import { physpages } from '../bc/resources/physpages.js';
import { privvmpages } from '../bc/resources/privvmpages.js';
import type { Figure } from '../bc/source.js';
import { MAXVALUE } from '../bc/value.js';
import type { LiveBeancounter } from './live-beancounter.js';
import type { Machine } from './groups.js';
import { PAGE_SIZE } from './page-size.js';
import type { ResourceStatus } from './report.js';

export interface LiveResource {
  /** Its name, unit, and parameters. */
  readonly resource: Resource;
  /** Brings a counter up to now from what the kernel counts. @param figure the one that is asked for; default: all */
  read(live: LiveBeancounter, counter: Counter, figure?: Figure): void;
  /**
   * Has the kernel hold new parameters.
   *
   * @throws BcfsError ENOMEM if what is held cannot be brought below the limit; nothing changes
   */
  apply?(live: LiveBeancounter, barrier: bigint, limit: bigint): void;
  /** What a refused charge is told as. Default: `refused`. */
  readonly refusal?: 'killed';
  /** For `bcfs status`. */
  readonly status: Omit<ResourceStatus, 'resource' | 'unit'>;
}

/** The five, as a machine can read and hold them; in the order of v6's indices. */
export function liveResources(machine: Machine): readonly LiveResource[] {
  return [
    kernelMemory(machine),
    sampledMappings(machine),
    residentPages(machine),
    tasks(machine),
    files(machine),
  ];
}

function tasks({ pids, kind }: Machine): LiveResource {
  if (!pids) {
    return {
      resource: numtasks,
      read(live, counter) {
        live.settleMoved();
        counter.observe(live.taskCount(live.reading?.tasks ?? 0));
      },
      status: {
        source: `/proc/PID/stat, each process${kind === '/proc' ? ' and its descendants' : ''}`,
        exactness: 'sampled',
        limit: 'nothing',
        enforcement: 'nobody',
        note: 'tasks that were not waited for are not counted',
      },
    };
  }
  return {
    resource: numtasks,
    read(live, counter, figure) {
      live.settleMoved(figure !== undefined);
      if (figure !== 'failcnt') {
        const held = live.taskCount(pids.current(live.id));
        counter.observe(held, figure === 'held' ? held : live.mostTasks(pids.peak(live.id)));
      }
      if (isAsked('failcnt', figure)) live.countRefused(counter, pids.refused(live.id));
    },
    apply(live, _barrier, limit) {
      // v6 charges no task that moves in, the controller does; and the other way round for one that moves out.
      pids.setMax(live.id, limit === MAXVALUE ? undefined : live.taskRoom(Number(limit)));
    },
    status: {
      source: `pids.current (${kind})`,
      exactness: 'kernel',
      limit: 'pids.max',
      enforcement: 'exact',
      note: 'tasks that were not waited for count; a fork above the limit fails with EAGAIN',
    },
  };
}

function residentPages({ memory, kind }: Machine): LiveResource {
  if (!memory) {
    return {
      resource: physpages,
      read: (live, counter) => counter.observe(live.reading?.resident ?? 0),
      status: {
        source: '/proc/PID/statm, resident, each process',
        exactness: 'estimated',
        limit: 'nothing',
        enforcement: 'nobody',
        note: 'a page that processes share counts in each of them',
      },
    };
  }
  return {
    resource: physpages,
    read(live, counter, figure) {
      if (figure !== 'failcnt') counter.observe(memory.resident(live.id));
      if (isAsked('failcnt', figure)) live.countRefused(counter, memory.killed(live.id));
    },
    apply(live, barrier, limit) {
      // The kernel bounds only the total; what it holds of its own for these tasks comes on top of the pages.
      memory.setLimit(live.id, total(limit, live.counter(kmemsize.name).limit));
      memory.setBarrier(live.id, bytes(barrier));
    },
    refusal: 'killed',
    status: {
      source: `memory.stat, anonymous and mapped (${kind})`,
      exactness: 'kernel',
      limit: 'the memory controller, with kmemsize as one total',
      enforcement: 'approximate',
      note: 'held only while kmemsize has a limit too; within 64 pages per CPU; the page cache counts towards the total, and is reclaimed first',
    },
  };
}

function kernelMemory({ memory, kind }: Machine): LiveResource {
  if (!memory) {
    return {
      resource: kmemsize,
      read: () => undefined,
      status: {
        source: 'nothing',
        exactness: 'unknown',
        limit: 'nothing',
        enforcement: 'nobody',
        note: 'no memory controller can be used: held stays 0',
      },
    };
  }
  return {
    resource: kmemsize,
    read(live, counter, figure) {
      const held = memory.kernel(live.id);
      if (held === undefined) return;
      counter.observe(held, (isAsked('maxheld', figure) && memory.kernelPeak(live.id)) || held);
    },
    apply(live, _barrier, limit) {
      memory.setLimit(live.id, total(live.counter(physpages.name).limit, limit));
    },
    status: {
      source: `kernel memory (${kind})`,
      exactness: 'kernel',
      limit: 'the memory controller, with physpages as one total',
      enforcement: 'approximate',
      note: 'held only while physpages has a limit too',
    },
  };
}

function sampledMappings(machine: Machine): LiveResource {
  return sampled(machine, privvmpages, 'privvmpages', '/proc/PID/statm, data, each process', 'RLIMIT_DATA');
}

function files(machine: Machine): LiveResource {
  return sampled(machine, numfiles, 'numfiles', '/proc/PID/fd, each file once', 'RLIMIT_NOFILE');
}

/** What is read process by process, and held by a limit of each of them. */
function sampled(
  { members }: Machine,
  resource: Resource,
  figure: 'numfiles' | 'privvmpages',
  source: string,
  rlimit: string,
): LiveResource {
  return {
    resource,
    read: (live, counter) => counter.observe(live.reading?.[figure] ?? 0),
    status: {
      source,
      exactness: members ? 'sampled' : 'estimated',
      limit: `${rlimit} of each process`,
      enforcement: 'approximate',
      note: 'as old as the interval; several processes can each take what was free at the last sample; failcnt is not known',
    },
  };
}

function isAsked(one: Figure, figure: Figure | undefined): boolean {
  return figure === undefined || figure === one;
}

/** Pages as bytes; undefined for unlimited. */
function bytes(pages: bigint): number | undefined {
  return pages > MAXVALUE / BigInt(PAGE_SIZE) ? undefined : Number(pages) * PAGE_SIZE;
}

/** Bytes of pages and of kernel memory together; undefined where either is unlimited. */
function total(pages: bigint, kernel: bigint): number | undefined {
  const user = bytes(pages);
  return user === undefined || kernel === MAXVALUE ? undefined : user + Number(kernel);
}
