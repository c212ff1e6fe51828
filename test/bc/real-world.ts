/** The engine itself, behind the names that the model gives to things. */
import { BcfsError } from '../../lib/errors.js';
import type { Beancounter } from '../../lib/bc/beancounter.js';
import { Severity } from '../../lib/bc/counter.js';
import type { KernelObject } from '../../lib/bc/kernel-object.js';
import type { Mapping, MappingOptions } from '../../lib/bc/mapping.js';
import type { OpenFile } from '../../lib/bc/open-file.js';
import { Page } from '../../lib/bc/page.js';
import { Registry, standardResources } from '../../lib/bc/registry.js';
import { Tasks, type Task } from '../../lib/bc/tasks.js';
import { custom } from './engine.js';
import type { Outcome, World } from './slow-model.js';

export class RealWorld implements World {
  readonly registry: Registry;
  readonly tasks: Tasks;
  readonly #calls: string[] = [];
  readonly #log: string[] = [];
  readonly #directories = new Map<number, Beancounter>();
  readonly #files = new Map<number, OpenFile>();
  readonly #objects = new Map<number, KernelObject>();
  readonly #mappings = new Map<number, Mapping>();
  readonly #pages = new Map<number, Page>();
  #nextFile = 1;
  #nextObject = 1;
  #nextMapping = 1;
  #nextPage = 1;

  constructor() {
    const watched = custom({
      name: 'watched',
      barrier: 3n,
      limit: 6n,
      init: ({ beancounter }) => this.#log.push(`init ${beancounter.id}`),
      fini: ({ beancounter }) => this.#log.push(`fini ${beancounter.id}`),
      change: (_counter, _barrier, limit) => {
        if (limit === 7n) throw new BcfsError('EBUSY', 'not 7');
      },
      barrierHit: (counter, val) => {
        this.#calls.push(`barrier ${counter.beancounter.id} ${counter.held} ${val}`);
        if (counter.held > 0) counter.uncharge(1);
      },
    });
    const resources = [...standardResources, watched];
    this.registry = new Registry({ resources, log: (message) => this.#log.push(message) });
    this.tasks = new Tasks(this.registry);
    this.#directories.set(0, this.registry.root);
  }

  mkdir(id: number): Outcome {
    if (this.#directories.has(id)) return 'EEXIST';
    return this.#try(() => this.#directories.set(id, this.registry.get(id)));
  }

  rmdir(id: number): Outcome {
    return this.#try(() => {
      this.#directories.get(id)!.put();
      this.#directories.delete(id);
    });
  }

  register(): Outcome {
    const elastic = custom({
      name: 'elastic',
      barrier: 4n,
      limit: 6n,
      limitHit: (counter, val, severity) => {
        counter.uncharge(Math.ceil(counter.held / 2));
        if (counter.fits(val, severity)) return counter.tryCharge(val, severity);
        counter.failcnt += 10;
        return false;
      },
    });
    return this.#try(() => this.registry.register(elastic));
  }

  charge(id: number, resource: string, val: number, severity: Severity): Outcome {
    return this.#holding(id, () => this.#counter(id, resource).tryCharge(val, severity));
  }

  uncharge(id: number, resource: string, val: number): Outcome {
    return this.#try(() => this.#counter(id, resource).uncharge(val));
  }

  change(id: number, resource: string, barrier: bigint | undefined, limit: bigint | undefined): Outcome {
    const counter = this.#counter(id, resource);
    return this.#holding(id, () => counter.change(barrier ?? counter.barrier, limit ?? counter.limit));
  }

  adopt(tid: number, memory: 'own' | 'none' | number): Outcome {
    return this.#try(() => {
      if (memory === 'own') this.tasks.adopt(tid);
      else this.tasks.adopt(tid, memory === 'none' ? null : (this.#task(memory).mm ?? null));
    });
  }

  fork(parent: number, tid: number, memory: 'process' | 'vm'): Outcome {
    return this.#try(() => {
      const child = this.tasks.fork(this.#task(parent), tid, { memory });
      if (memory === 'process') for (const mapping of child.mm?.mappings ?? []) this.#name(mapping);
    });
  }

  exit(tid: number): Outcome {
    return this.#try(() => this.tasks.exit(this.#task(tid)));
  }

  move(tid: number, id: number): Outcome {
    return this.#try(() => this.tasks.move(this.#task(tid), this.#bc(id)));
  }

  moveThread(tid: number, id: number): Outcome {
    return this.#try(() => this.tasks.moveThread(this.#task(tid), this.#bc(id)));
  }

  setAdmin(tid: number, admin: boolean): Outcome {
    this.#task(tid).admin = admin;
    return 'ok';
  }

  open(tid: number | undefined): Outcome {
    return this.#try(() => {
      const file = this.tasks.open(this.#taskOrNone(tid));
      this.#files.set(this.#nextFile++, file);
    });
  }

  dup(file: number): Outcome {
    return this.#try(() => this.#files.get(file)!.get());
  }

  close(file: number): Outcome {
    return this.#try(() => this.#files.get(file)!.close());
  }

  allocate(tid: number | undefined, bytes: number, severity: Severity): Outcome {
    return this.#try(() => {
      const object = this.tasks.allocate(this.#taskOrNone(tid), bytes, severity);
      this.#objects.set(this.#nextObject++, object);
    });
  }

  free(object: number): Outcome {
    return this.#try(() => this.#objects.get(object)!.free());
  }

  map(tid: number, pages: number, options: Required<MappingOptions>, severity: Severity): Outcome {
    const mm = this.#task(tid).mm!;
    return this.#try(() => {
      this.#name(severity === Severity.LIMIT ? mm.mapForExec(pages, options) : mm.map(pages, options));
    });
  }

  grow(name: number, pages: number, severity: Severity): Outcome {
    const mapping = this.#mapping(name);
    return this.#try(() => {
      if (severity === Severity.LIMIT) mapping.growStack(pages);
      else mapping.grow(pages);
    });
  }

  truncate(mapping: number, pages: number): Outcome {
    return this.#try(() => this.#mapping(mapping).truncate(pages));
  }

  split(mapping: number, at: number): Outcome {
    return this.#try(() => {
      this.#name(this.#mapping(mapping).split(at));
    });
  }

  merge(mapping: number, next: number): Outcome {
    return this.#try(() => this.#mapping(mapping).merge(this.#mapping(next)));
  }

  protect(mapping: number, writable: boolean): Outcome {
    return this.#try(() => this.#mapping(mapping).protect(writable));
  }

  lock(mapping: number, locked: boolean): Outcome {
    return this.#try(() => this.#mapping(mapping).lock(locked));
  }

  unmap(mapping: number): Outcome {
    return this.#try(() => this.#mapping(mapping).unmap());
  }

  faultNew(mapping: number, index: number, letsGoFrom: number): Outcome {
    const name = this.#nextPage++;
    const page = new Page({
      evict: (_page, priority) => {
        this.#calls.push(`page ${name} at ${priority}`);
        return priority <= letsGoFrom;
      },
    });
    this.#pages.set(name, page);
    return this.fault(mapping, index, name);
  }

  fault(mapping: number, index: number, page: number): Outcome {
    return this.#try(() => this.#mapping(mapping).fault(index, this.#pages.get(page)));
  }

  drop(mapping: number, index: number): Outcome {
    return this.#try(() => this.#mapping(mapping).drop(index));
  }

  show(): string[] {
    const lines = [...this.registry].flatMap((bc) => [
      `beancounter ${bc.id}: ${bc.references} references`,
      ...bc.counters.map(
        ({ resource, held, maxheld, minheld, failcnt, barrier, limit }) =>
          `${bc.id}/${resource.name}: ${held} ${maxheld} ${minheld} ${failcnt} ${barrier} ${limit}`,
      ),
    ]);
    for (const { tid, execBc, taskBc, admin } of this.tasks) {
      lines.push(`task ${tid}: exec_bc ${execBc.id}, task_bc ${taskBc.id}, ${admin ? 'admin' : ''}`);
    }
    const pageNames = new Map([...this.#pages].map(([name, page]) => [page, name]));
    for (const [name, mapping] of this.#mappings) {
      const { bc, pages, writable, locked, resident, mm } = mapping;
      if (!mm.mappings.has(mapping)) continue;
      const flags = `${writable ? 'writable' : ''} ${locked ? 'locked' : ''}`;
      const indices = [...resident].map(([index, page]) => `${index}:${pageNames.get(page)}`).sort();
      lines.push(`mapping ${name}: ${bc.id} of ${mm.bc.id}, ${pages} ${flags} ${indices.join(' ')}`);
    }
    for (const [page, name] of pageNames) {
      if (page.bc) lines.push(`page ${name}: ${page.bc.id}, ${page.mapcount}`);
    }
    return lines;
  }

  takeCalls(): string[] {
    return this.#calls.splice(0);
  }

  takeLog(): string[] {
    return this.#log.splice(0);
  }

  #try(act: () => unknown): Outcome {
    try {
      return act() === false ? 'refused' : 'ok';
    } catch (error) {
      if (error instanceof BcfsError) return error.code as Outcome;
      throw error;
    }
  }

  /** With the reference that whoever uses a beancounter holds: reclaim may drop the last other one. */
  #holding(id: number, act: () => unknown): Outcome {
    const bc = this.#bc(id).get();
    const outcome = this.#try(act);
    bc.put();
    return outcome;
  }

  #name(mapping: Mapping): void {
    this.#mappings.set(this.#nextMapping++, mapping);
  }

  #bc(id: number): Beancounter {
    return this.registry.find(id)!;
  }

  #counter(id: number, name: string) {
    return this.#bc(id).counters.find(({ resource }) => resource.name === name)!;
  }

  #task(tid: number): Task {
    return this.tasks.find(tid)!;
  }

  #taskOrNone(tid: number | undefined): Task | undefined {
    return tid === undefined ? undefined : this.#task(tid);
  }

  #mapping(name: number): Mapping {
    return this.#mappings.get(name)!;
  }
}
