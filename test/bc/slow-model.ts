/**
 * The engine once more, slow and obvious: written from v6.md, in BigInt, with nothing kept that can be counted.
 *
 * References are not kept but counted anew whenever they are asked for: whoever points to a beancounter holds
 * one. A beancounter to which nobody points is gone.
 */
import { Severity } from '../../lib/bc/counter.js';
import type { MappingOptions } from '../../lib/bc/mapping.js';

/** `ok`, `refused` for a charge that was not granted, or the errno that the engine would throw. */
export type Outcome =
  'ok' | 'refused' | 'ENOMEM' | 'EMFILE' | 'EINVAL' | 'EEXIST' | 'EBUSY' | 'EBADF' | 'ESRCH';

/** What can be done to the engine. Things are named by numbers, given in the order in which they were made. */
export interface World {
  mkdir(id: number): Outcome;
  rmdir(id: number): Outcome;
  register(): Outcome;
  charge(id: number, resource: string, val: number, severity: Severity): Outcome;
  uncharge(id: number, resource: string, val: number): Outcome;
  change(id: number, resource: string, barrier: bigint | undefined, limit: bigint | undefined): Outcome;
  adopt(tid: number, memory: 'own' | 'none' | number): Outcome;
  fork(parent: number, tid: number, memory: 'process' | 'vm'): Outcome;
  exit(tid: number): Outcome;
  move(tid: number, id: number): Outcome;
  moveThread(tid: number, id: number): Outcome;
  setAdmin(tid: number, admin: boolean): Outcome;
  /** `undefined`: an interrupt. */
  open(tid: number | undefined): Outcome;
  dup(file: number): Outcome;
  close(file: number): Outcome;
  allocate(tid: number | undefined, bytes: number, severity: Severity): Outcome;
  free(object: number): Outcome;
  map(tid: number, pages: number, options: Required<MappingOptions>, severity: Severity): Outcome;
  grow(mapping: number, pages: number, severity: Severity): Outcome;
  truncate(mapping: number, pages: number): Outcome;
  split(mapping: number, at: number): Outcome;
  merge(mapping: number, next: number): Outcome;
  protect(mapping: number, writable: boolean): Outcome;
  lock(mapping: number, locked: boolean): Outcome;
  unmap(mapping: number): Outcome;
  /** A new page, that its owner lets go from this priority down. */
  faultNew(mapping: number, index: number, letsGoFrom: number): Outcome;
  fault(mapping: number, index: number, page: number): Outcome;
  drop(mapping: number, index: number): Outcome;
  /** All that there is, a line each. */
  show(): string[];
  /** What hooks and owners of pages were asked since the last time, in order. */
  takeCalls(): string[];
  /** What was logged, and begun and ended, since the last time, in whatever order. */
  takeLog(): string[];
}

const UNLIMITED = 2n ** 63n - 1n;
/** What a counter counts to: a charge past it is refused like one over the limit. */
const MOST = 2n ** 53n - 1n;

/** The resources in index order: v6's, and `watched`, whose hooks are written down. */
const defaults: readonly (readonly [name: string, barrier: bigint, limit: bigint])[] = [
  ['kmemsize', 65536n, 65536n],
  ['privvmpages', UNLIMITED, UNLIMITED],
  ['physpages', UNLIMITED, UNLIMITED],
  ['numtasks', 128n, 128n],
  ['numfiles', 256n, 512n],
  ['watched', 3n, 6n],
];

/** Registered late. Its limit-hit hook gives back half of what is held, rounded up, and tries again. */
const elastic = ['elastic', 4n, 6n] as const;

interface Counter {
  held: bigint;
  maxheld: bigint;
  minheld: bigint;
  failcnt: bigint;
  barrier: bigint;
  limit: bigint;
}

interface Bc {
  readonly id: number;
  hasDirectory: boolean;
  readonly counters: Map<string, Counter>;
}

interface Memory {
  bc: Bc;
  readonly mappings: Mapping[];
}

interface Mapping {
  readonly name: number;
  readonly memory: Memory;
  readonly bc: Bc;
  pages: bigint;
  writable: boolean;
  locked: boolean;
  readonly shared: boolean;
  readonly anonymous: boolean;
  resident: Map<number, Page>;
}

interface Page {
  readonly name: number;
  readonly letsGoFrom: number;
  /** Whom it is charged to, and when that was. */
  bc: Bc | undefined;
  chargedAt: number;
}

interface Task {
  readonly tid: number;
  execBc: Bc;
  readonly taskBc: Bc;
  readonly memory: Memory | undefined;
  admin: boolean;
}

interface File {
  readonly bc: Bc;
  descriptors: number;
}

interface KernelObject {
  readonly bc: Bc;
  readonly bytes: bigint;
}

export class Model implements World {
  readonly bcs = new Map<number, Bc>();
  readonly tasks = new Map<number, Task>();
  readonly files = new Map<number, File>();
  readonly objects = new Map<number, KernelObject>();
  readonly pages = new Map<number, Page>();
  readonly #resources = [...defaults];
  #calls: string[] = [];
  #log: string[] = [];
  #nextFile = 1;
  #nextObject = 1;
  #nextMapping = 1;
  #nextPage = 1;
  #now = 0;

  constructor() {
    this.#make(0);
  }

  get resources(): string[] {
    return this.#resources.map(([name]) => name);
  }

  /** The ids that have a directory. */
  get directories(): number[] {
    return [...this.bcs.values()].filter((bc) => bc.hasDirectory).map((bc) => bc.id);
  }

  /** Every mapping, by the order of their names. */
  get mappings(): Mapping[] {
    const all = this.#memories().flatMap((memory) => memory.mappings);
    return all.sort((a, b) => a.name - b.name);
  }

  mkdir(id: number): Outcome {
    if (this.bcs.get(id)?.hasDirectory) return 'EEXIST';
    const bc = this.bcs.get(id) ?? this.#make(id);
    bc.hasDirectory = true;
    return 'ok';
  }

  rmdir(id: number): Outcome {
    this.#bc(id).hasDirectory = false;
    return this.#swept('ok');
  }

  register(): Outcome {
    if (this.resources.includes('elastic')) return 'EEXIST';
    this.#resources.push(elastic);
    for (const bc of this.bcs.values()) this.#begin(bc, elastic);
    return 'ok';
  }

  charge(id: number, resource: string, val: number, severity: Severity): Outcome {
    if (!isCount(val)) return 'EINVAL';
    return this.#swept(this.#charge(this.#bc(id), resource, BigInt(val), severity) ? 'ok' : 'refused');
  }

  uncharge(id: number, resource: string, val: number): Outcome {
    if (!isCount(val)) return 'EINVAL';
    this.#uncharge(this.#bc(id), resource, BigInt(val));
    return 'ok';
  }

  change(
    id: number,
    resource: string,
    newBarrier: bigint | undefined,
    newLimit: bigint | undefined,
  ): Outcome {
    const bc = this.#bc(id);
    const counter = this.#counter(bc, resource);
    const barrier = newBarrier ?? counter.barrier;
    const limit = newLimit ?? counter.limit;
    if (barrier < 0n || barrier > limit || barrier > UNLIMITED || limit > UNLIMITED) return 'EINVAL';
    if (resource === 'watched' && limit === 7n) return 'EBUSY';
    if (resource === 'physpages' && !this.#reclaim(bc, () => counter.held <= limit)) {
      return this.#swept('ENOMEM');
    }
    counter.barrier = barrier;
    counter.limit = limit;
    return this.#swept('ok');
  }

  adopt(tid: number, memory: 'own' | 'none' | number): Outcome {
    const root = this.#bc(0);
    if (!this.#charge(root, 'numtasks', 1n, Severity.FORCE)) return 'ENOMEM';
    const shared = typeof memory === 'number' ? this.#task(memory).memory : undefined;
    const mm = memory === 'own' ? { bc: root, mappings: [] } : shared;
    this.tasks.set(tid, { tid, execBc: root, taskBc: root, memory: mm, admin: false });
    return 'ok';
  }

  fork(parentTid: number, tid: number, share: 'process' | 'vm'): Outcome {
    const parent = this.#task(parentTid);
    const bc = parent.execBc;
    if (!this.#charge(bc, 'numtasks', 1n, Severity.LIMIT)) return 'ENOMEM';
    let memory = parent.memory;
    if (memory && share === 'process') {
      memory = this.#copy(memory, bc);
      if (!memory) {
        this.#uncharge(bc, 'numtasks', 1n);
        return 'ENOMEM';
      }
    }
    this.tasks.set(tid, { tid, execBc: bc, taskBc: bc, memory, admin: parent.admin });
    return 'ok';
  }

  exit(tid: number): Outcome {
    const task = this.#task(tid);
    this.tasks.delete(tid);
    this.#uncharge(task.taskBc, 'numtasks', 1n);
    const { memory } = task;
    if (memory && !this.#memories().includes(memory)) {
      for (const mapping of [...memory.mappings]) this.#unmap(mapping);
    }
    return this.#swept('ok');
  }

  move(tid: number, id: number): Outcome {
    const { memory } = this.#task(tid);
    if (!memory) return 'EINVAL';
    for (const task of this.tasks.values()) {
      if (task.memory === memory) task.execBc = this.#bc(id);
    }
    memory.bc = this.#bc(id);
    return this.#swept('ok');
  }

  moveThread(tid: number, id: number): Outcome {
    const task = this.#task(tid);
    if (!task.memory) return 'EINVAL';
    task.execBc = this.#bc(id);
    return this.#swept('ok');
  }

  setAdmin(tid: number, admin: boolean): Outcome {
    this.#task(tid).admin = admin;
    return 'ok';
  }

  open(tid: number | undefined): Outcome {
    const bc = this.#execBc(tid);
    const admin = tid !== undefined && this.#task(tid).admin;
    if (!this.#charge(bc, 'numfiles', 1n, admin ? Severity.LIMIT : Severity.BARRIER)) return 'EMFILE';
    this.files.set(this.#nextFile++, { bc, descriptors: 1 });
    return 'ok';
  }

  dup(name: number): Outcome {
    this.files.get(name)!.descriptors += 1;
    return 'ok';
  }

  close(name: number): Outcome {
    const file = this.files.get(name)!;
    file.descriptors -= 1;
    if (file.descriptors > 0) return 'ok';
    this.files.delete(name);
    this.#uncharge(file.bc, 'numfiles', 1n);
    return this.#swept('ok');
  }

  allocate(tid: number | undefined, bytes: number, severity: Severity): Outcome {
    if (!isCount(bytes)) return 'EINVAL';
    const bc = this.#execBc(tid);
    if (!this.#charge(bc, 'kmemsize', BigInt(bytes), severity)) return 'ENOMEM';
    this.objects.set(this.#nextObject++, { bc, bytes: BigInt(bytes) });
    return 'ok';
  }

  free(name: number): Outcome {
    const { bc, bytes } = this.objects.get(name)!;
    this.objects.delete(name);
    this.#uncharge(bc, 'kmemsize', bytes);
    return this.#swept('ok');
  }

  map(tid: number, pages: number, options: Required<MappingOptions>, severity: Severity): Outcome {
    const memory = this.#task(tid).memory!;
    if (!isCount(pages) || pages === 0) return 'EINVAL';
    return this.#map(memory, BigInt(pages), options, severity) ? 'ok' : 'ENOMEM';
  }

  grow(name: number, pages: number, severity: Severity): Outcome {
    const mapping = this.#mapping(name);
    if (counts(mapping) && !this.#charge(mapping.bc, 'privvmpages', BigInt(pages), severity)) return 'ENOMEM';
    mapping.pages += BigInt(pages);
    return 'ok';
  }

  truncate(name: number, pages: number): Outcome {
    const mapping = this.#mapping(name);
    if (pages <= 0 || pages >= mapping.pages) return 'EINVAL';
    for (const index of [...mapping.resident.keys()]) if (index >= pages) this.#drop(mapping, index);
    if (counts(mapping)) this.#uncharge(mapping.bc, 'privvmpages', mapping.pages - BigInt(pages));
    mapping.pages = BigInt(pages);
    return this.#swept('ok');
  }

  split(name: number, at: number): Outcome {
    const mapping = this.#mapping(name);
    if (at <= 0 || at >= mapping.pages) return 'EINVAL';
    const resident = [...mapping.resident];
    mapping.memory.mappings.push({
      ...mapping,
      name: this.#nextMapping++,
      pages: mapping.pages - BigInt(at),
      resident: new Map(resident.filter(([index]) => index >= at).map(([index, page]) => [index - at, page])),
    });
    mapping.pages = BigInt(at);
    mapping.resident = new Map(resident.filter(([index]) => index < at));
    return 'ok';
  }

  merge(name: number, nextName: number): Outcome {
    const mapping = this.#mapping(name);
    const next = this.#mapping(nextName);
    const like = ({ memory, bc, writable, locked, shared, anonymous }: Mapping) => [
      ...[memory, bc],
      ...[writable, locked, shared, anonymous],
    ];
    const others = like(next);
    if (mapping === next || !like(mapping).every((value, index) => value === others[index])) return 'refused';
    for (const [index, page] of next.resident) mapping.resident.set(Number(mapping.pages) + index, page);
    mapping.pages += next.pages;
    remove(next.memory.mappings, next);
    return 'ok';
  }

  protect(name: number, writable: boolean): Outcome {
    return this.#become(this.#mapping(name), { writable });
  }

  lock(name: number, locked: boolean): Outcome {
    return this.#become(this.#mapping(name), { locked });
  }

  unmap(name: number): Outcome {
    this.#unmap(this.#mapping(name));
    return this.#swept('ok');
  }

  faultNew(name: number, index: number, letsGoFrom: number): Outcome {
    const page: Page = { name: this.#nextPage++, letsGoFrom, bc: undefined, chargedAt: 0 };
    this.pages.set(page.name, page);
    return this.fault(name, index, page.name);
  }

  fault(name: number, index: number, pageName: number): Outcome {
    const mapping = this.#mapping(name);
    const page = this.pages.get(pageName)!;
    if (index < 0 || index >= mapping.pages) return 'EINVAL';
    if (mapping.resident.has(index)) return 'EEXIST';
    if (!page.bc) {
      if (!this.#charge(mapping.bc, 'physpages', 1n, Severity.LIMIT)) return this.#swept('ENOMEM');
      page.bc = mapping.bc;
      page.chargedAt = this.#now++;
    }
    mapping.resident.set(index, page);
    return this.#swept('ok');
  }

  drop(name: number, index: number): Outcome {
    this.#drop(this.#mapping(name), index);
    return this.#swept('ok');
  }

  show(): string[] {
    const lines = [...this.bcs.values()].flatMap((bc) => [
      `beancounter ${bc.id}: ${this.#references(bc)} references`,
      ...[...bc.counters].map(
        ([name, { held, maxheld, minheld, failcnt, barrier, limit }]) =>
          `${bc.id}/${name}: ${held} ${maxheld} ${minheld} ${failcnt} ${barrier} ${limit}`,
      ),
    ]);
    for (const { tid, execBc, taskBc, admin } of this.tasks.values()) {
      lines.push(`task ${tid}: exec_bc ${execBc.id}, task_bc ${taskBc.id}, ${admin ? 'admin' : ''}`);
    }
    for (const { name, bc, pages, writable, locked, resident, memory } of this.mappings) {
      const flags = `${writable ? 'writable' : ''} ${locked ? 'locked' : ''}`;
      const indices = [...resident].map(([index, page]) => `${index}:${page.name}`).sort();
      lines.push(`mapping ${name}: ${bc.id} of ${memory.bc.id}, ${pages} ${flags} ${indices.join(' ')}`);
    }
    for (const page of this.pages.values()) {
      if (page.bc) lines.push(`page ${page.name}: ${page.bc.id}, ${this.#mapcount(page)}`);
    }
    return lines;
  }

  takeCalls(): string[] {
    return this.#calls.splice(0);
  }

  takeLog(): string[] {
    return this.#log.splice(0);
  }

  #make(id: number): Bc {
    const bc: Bc = { id, hasDirectory: true, counters: new Map() };
    for (const resource of this.#resources) this.#begin(bc, resource);
    this.bcs.set(id, bc);
    return bc;
  }

  #begin(bc: Bc, [name, barrier, limit]: (typeof defaults)[number]): void {
    const parameters = bc.id === 0 ? { barrier: UNLIMITED, limit: UNLIMITED } : { barrier, limit };
    bc.counters.set(name, { held: 0n, maxheld: 0n, minheld: 0n, failcnt: 0n, ...parameters });
    if (name === 'watched') this.#log.push(`init ${bc.id}`);
  }

  /** Ends the beancounters that nobody points to any more, after a call with this outcome. */
  #swept(outcome: Outcome): Outcome {
    for (const bc of this.bcs.values()) {
      if (this.#references(bc) > 0) continue;
      this.bcs.delete(bc.id);
      this.#log.push(`fini ${bc.id}`);
      for (const [name, { held }] of bc.counters) {
        if (held > 0n) this.#log.push(`Resource ${name} holds ${held} on put`);
      }
    }
    return outcome;
  }

  #references(bc: Bc): number {
    const tasks = [...this.tasks.values()];
    return [
      [bc.hasDirectory],
      tasks.map((task) => task.execBc === bc),
      tasks.map((task) => task.taskBc === bc),
      this.#memories().map((memory) => memory.bc === bc),
      this.mappings.map((mapping) => mapping.bc === bc),
      [...this.pages.values()].map((page) => page.bc === bc),
      [...this.files.values()].map((file) => file.bc === bc),
      [...this.objects.values()].map((object) => object.bc === bc),
    ]
      .flat()
      .filter(Boolean).length;
  }

  #charge(bc: Bc, resource: string, val: bigint, severity: Severity): boolean {
    const counter = this.#counter(bc, resource);
    if (!fits(counter, val, severity)) return this.#limitHit(bc, resource, val, severity);
    const passes = counter.held < counter.barrier && counter.held + val > counter.barrier;
    if (resource === 'watched' && severity === Severity.LIMIT && passes) {
      this.#calls.push(`barrier ${bc.id} ${counter.held} ${val}`);
      if (counter.held > 0n) this.#uncharge(bc, resource, 1n);
    }
    counter.held += val;
    if (counter.held > counter.maxheld) counter.maxheld = counter.held;
    return true;
  }

  #limitHit(bc: Bc, resource: string, val: bigint, severity: Severity): boolean {
    const counter = this.#counter(bc, resource);
    if (resource === 'physpages' && this.#reclaim(bc, () => fits(counter, val, severity))) {
      return this.#charge(bc, resource, val, severity);
    }
    if (resource === 'elastic') {
      this.#uncharge(bc, resource, (counter.held + 1n) / 2n);
      if (fits(counter, val, severity)) return this.#charge(bc, resource, val, severity);
      counter.failcnt += 10n;
      return false;
    }
    counter.failcnt += 1n;
    return false;
  }

  #uncharge(bc: Bc, resource: string, val: bigint): void {
    const counter = this.#counter(bc, resource);
    if (val > counter.held) {
      this.#log.push(`Uncharging too much of ${resource}: ${val} vs ${counter.held}`);
      counter.held = 0n;
    } else {
      counter.held -= val;
    }
    if (counter.held < counter.minheld) counter.minheld = counter.held;
  }

  /** Pages are asked oldest first, with rising priority, and all again as long as less is held then. */
  #reclaim(bc: Bc, enough: () => boolean): boolean {
    const counter = this.#counter(bc, 'physpages');
    const own = () =>
      [...this.pages.values()].filter((page) => page.bc === bc).sort((a, b) => a.chargedAt - b.chargedAt);
    for (;;) {
      const before = counter.held;
      for (let priority = 12; priority >= 0; priority -= 1) {
        const pages = own();
        for (const page of pages.slice(0, Math.ceil(pages.length / 2 ** priority))) {
          if (enough()) return true;
          this.#ask(page, priority);
        }
      }
      if (enough()) return true;
      if (counter.held === before) return false;
    }
  }

  #ask(page: Page, priority: number): void {
    const where = this.mappings.filter((mapping) => [...mapping.resident.values()].includes(page));
    if (where.some((mapping) => mapping.locked)) return;
    this.#calls.push(`page ${page.name} at ${priority}`);
    if (priority > page.letsGoFrom) return;
    for (const mapping of where) {
      for (const [index, other] of [...mapping.resident]) if (other === page) this.#drop(mapping, index);
    }
  }

  #copy(memory: Memory, bc: Bc): Memory | undefined {
    const copy: Memory = { bc, mappings: [] };
    const first = this.#nextMapping;
    for (const mapping of memory.mappings) {
      const made = this.#map(copy, mapping.pages, { ...mapping, locked: false }, Severity.BARRIER);
      if (!made) {
        for (const other of [...copy.mappings]) this.#unmap(other);
        this.#nextMapping = first;
        return undefined;
      }
      for (const [index, page] of mapping.resident) made.resident.set(index, page);
    }
    return copy;
  }

  #map(
    memory: Memory,
    pages: bigint,
    { writable, locked, shared, anonymous }: Required<MappingOptions>,
    severity: Severity,
  ): Mapping | undefined {
    const { bc } = memory;
    const kind = { writable, locked, shared, anonymous };
    if (counts(kind) && !this.#charge(bc, 'privvmpages', pages, severity)) return undefined;
    const mapping = {
      name: this.#nextMapping++,
      memory,
      bc,
      pages,
      ...kind,
      resident: new Map<number, Page>(),
    };
    memory.mappings.push(mapping);
    return mapping;
  }

  #become(mapping: Mapping, change: { writable?: boolean; locked?: boolean }): Outcome {
    const before = counts(mapping);
    const after = counts({ ...mapping, ...change });
    if (after && !before) {
      if (!this.#charge(mapping.bc, 'privvmpages', mapping.pages, Severity.BARRIER)) return 'ENOMEM';
    }
    if (before && !after) this.#uncharge(mapping.bc, 'privvmpages', mapping.pages);
    Object.assign(mapping, change);
    return 'ok';
  }

  #unmap(mapping: Mapping): void {
    for (const index of [...mapping.resident.keys()]) this.#drop(mapping, index);
    remove(mapping.memory.mappings, mapping);
    if (counts(mapping)) this.#uncharge(mapping.bc, 'privvmpages', mapping.pages);
  }

  #drop(mapping: Mapping, index: number): void {
    const page = mapping.resident.get(index);
    mapping.resident.delete(index);
    if (!page?.bc || this.#mapcount(page) > 0) return;
    this.#uncharge(page.bc, 'physpages', 1n);
    page.bc = undefined;
  }

  /** In how many places of tasks' memory a page is; that of a fork which fails never becomes one's. */
  #mapcount(page: Page): number {
    return this.mappings.flatMap((mapping) => [...mapping.resident.values()]).filter((it) => it === page)
      .length;
  }

  #memories(): Memory[] {
    const all = [...this.tasks.values()].flatMap(({ memory }) => (memory ? [memory] : []));
    return [...new Set(all)];
  }

  #execBc(tid: number | undefined): Bc {
    return tid === undefined ? this.#bc(0) : this.#task(tid).execBc;
  }

  #bc(id: number): Bc {
    return this.bcs.get(id)!;
  }

  #counter(bc: Bc, resource: string): Counter {
    return bc.counters.get(resource)!;
  }

  #task(tid: number): Task {
    return this.tasks.get(tid)!;
  }

  #mapping(name: number): Mapping {
    return this.mappings.find((mapping) => mapping.name === name)!;
  }
}

function fits({ held, barrier, limit }: Counter, val: bigint, severity: Severity): boolean {
  if (held + val > MOST) return false;
  if (severity === Severity.BARRIER) return held + val <= barrier;
  if (severity === Severity.LIMIT) return held + val <= limit;
  return true;
}

function counts({ writable, locked, shared, anonymous }: Required<MappingOptions>): boolean {
  return locked || (writable && (anonymous || !shared));
}

function isCount(val: number): boolean {
  return Number.isInteger(val) && val >= 0 && val < 2 ** 53;
}

function remove<T>(list: T[], item: T): void {
  list.splice(list.indexOf(item), 1);
}
