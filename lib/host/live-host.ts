/**
 * The tasks of this machine as what feeds an engine: each beancounter but 0 has a group of tasks in the kernel, what
 * the group consumes is what the beancounter holds, and the kernel holds the beancounter's limits where it can.
 *
 * It works through the engine's own hooks: a beancounter's creation makes its groups, a change of parameters is handed
 * to the kernel, which may refuse it, and the beancounter's end removes the groups. A beancounter whose directory has
 * gone lives on for as long as a task is in it or is charged to it: the host holds a reference on it then.
 *
 * Source: v6.md, tasks, and life time; host.md.
 */
import { performance } from 'node:perf_hooks';
import type { Beancounter } from '../bc/beancounter.js';
import type { Counter } from '../bc/counter.js';
import type { Registry } from '../bc/registry.js';
import type { Resource } from '../bc/resource.js';
import type { Figure, Source } from '../bc/source.js';
import { MAXVALUE } from '../bc/value.js';
import { BcfsError, describe, type Caller } from '../errors.js';
import type { Groups, Machine } from './groups.js';
import { LiveBeancounter } from './live-beancounter.js';
import { liveResources, type LiveResource } from './live-resource.js';
import { SecondLevel, type Candidates, type Pressure } from './oom.js';
import { MovedTasks, type MovedTask } from './moved-tasks.js';
import { Mover } from './mover.js';
import { Places } from './places.js';
import type { HostAnswers, HostEvent, HostRequest, Status } from './report.js';
import { machineTotals } from './rest-of-machine.js';
import type { Belongings, Reading, Sample, SamplerLink } from './sampling.js';
import { SavedState, type StateLine } from './saved-state.js';
import { StateFile } from './state-file.js';
import { readTask, residentPagesOf, startOf, threadsOf } from './task-info.js';
import { tryTo } from '../try-to.js';

export interface LiveHostOptions {
  readonly machine: Machine;
  readonly sampler: SamplerLink;
  /** Reads what a process has, before it is moved. */
  readonly readBelongings: (pid: number) => Belongings | undefined;
  /** The processes that share an address space with one, itself among them. */
  readonly sharersOf: (pid: number) => readonly number[];
  /** Whether a process has a thread of a tid. Default: as /proc tells, which is slower. */
  readonly exists?: (tgid: number, tid: number) => boolean;
  /** Where the state file is. */
  readonly statePath: string;
  /** The name of the directory that the groups are in. */
  readonly directory: string;
  /** Seconds between two samples. */
  readonly interval: number;
  /** Takes one line about something that should not have happened. */
  readonly log: (line: string) => void;
  /** Is told of what happens. */
  readonly onEvent: (event: HostEvent) => void;
  /** Processes that must not be moved: the daemon's own. */
  readonly ownPids: readonly number[];
  /** Where proc is mounted. Default: /proc. */
  readonly proc?: string;
  /** Whether the machine is short of memory: then a task above its barrier is killed. Default: nobody asks. */
  readonly pressure?: Pressure | undefined;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/** Barrier and limit. */
interface Parameters {
  readonly barrier: bigint;
  readonly limit: bigint;
}

export class LiveHost implements Source {
  /** What a registry is to be made with. */
  readonly resources: readonly Resource[];
  readonly #options: LiveHostOptions;
  readonly #machine: Machine;
  readonly #proc: string;
  readonly #kinds: ReadonlyMap<string, LiveResource>;
  readonly #totals: ReturnType<typeof machineTotals>;
  readonly #lives = new Map<number, LiveBeancounter>();
  /** Those without a directory. */
  readonly #unseen = new Set<LiveBeancounter>();
  readonly #moved = new MovedTasks();
  readonly #places: Places;
  readonly #mover: Mover;
  readonly #state: StateFile<StateLine>;
  /** What was last written of maxheld and failcnt. */
  readonly #written = new Map<Counter, string>();
  readonly #secondLevel: SecondLevel | undefined;
  /** The ids that the last sample had. */
  #sampled: ReadonlySet<number> = new Set();
  #cost: number | undefined;
  #isRestoring = false;

  constructor(options: LiveHostOptions) {
    this.#options = options;
    this.#machine = options.machine;
    this.#proc = options.proc ?? '/proc';
    this.#totals = machineTotals(this.#proc);
    this.#places = new Places(options.machine, this.#proc, options.directory);
    this.#mover = new Mover({
      ...options,
      proc: this.#proc,
      places: this.#places,
      note: (task, from, to) => {
        const moved = this.#moved.move(task, from, to);
        this.#state.append(moved ? { moved } : { back: task.tid });
      },
      onMoved: (from, to) => this.#follow(from, to),
      beforeExec: (tgid, id) => this.#beforeExec(tgid, id),
    });
    const kinds = liveResources(options.machine);
    this.#kinds = new Map(kinds.map((kind) => [kind.resource.name, kind]));
    this.resources = kinds.map((kind) => this.#hooked(kind));
    this.#secondLevel = options.pressure && new SecondLevel(options.pressure, this.#candidates());
    this.#state = new StateFile(options.statePath, () => this.#lines(), options.log);
  }

  /** The kind with the hooks through which the engine drives the host. */
  #hooked(kind: LiveResource): Resource {
    return {
      ...kind.resource,
      init: ({ beancounter }) => this.#enter(beancounter),
      change: (counter, barrier, limit) => this.#change(kind, counter, barrier, limit),
      barrierHit: (counter, val) => this.#event(counter, 'barrier-hit', counter.held + val),
      fini: ({ beancounter }) => this.#leave(beancounter),
    };
  }

  /** Runs once for each resource of a new beancounter: with the first of them its groups are made. */
  #enter(bc: Beancounter): void {
    if (bc.id === 0 || this.#lives.get(bc.id)?.bc === bc) return;
    this.#makeGroups(bc.id);
    this.#lives.set(
      bc.id,
      new LiveBeancounter(bc, this.#moved, {
        isThere: (task, isQuick) => this.#isThere(task, isQuick),
        onEnded: (tasks) => this.#holdWithout(tasks),
      }),
    );
    if (!this.#isRestoring) this.#state.append({ bc: bc.id, seen: true });
    this.#postBounds(bc.id, (name) => this.#kinds.get(name)?.resource);
  }

  #leave(bc: Beancounter): void {
    const live = this.#lives.get(bc.id);
    if (live?.bc !== bc) return;
    this.#lives.delete(bc.id);
    this.#unseen.delete(live);
    for (const counter of bc.counters) this.#written.delete(counter);
    this.#options.sampler.post({ kind: 'gone', id: bc.id });
    for (const groups of this.#machine.hierarchies) groups.remove(bc.id);
    this.#state.append({ bc: bc.id, gone: true });
  }

  #makeGroups(id: number): void {
    const made: Groups[] = [];
    try {
      for (const groups of this.#machine.hierarchies) {
        groups.make(id);
        made.push(groups);
      }
    } catch (error) {
      for (const groups of made.reverse()) groups.remove(id);
      throw error;
    }
  }

  #change(kind: LiveResource, counter: Counter, barrier: bigint, limit: bigint): void {
    const { id } = counter.beancounter;
    const live = this.#lives.get(id);
    if (!live) return; // beancounter 0: nobody holds its limits
    try {
      kind.apply?.(live, barrier, limit);
    } catch (error) {
      this.#event(counter, 'parameter', Number(limit));
      throw error;
    }
    const resource = kind.resource.name;
    if (!this.#isRestoring)
      this.#state.append({ bc: id, resource, barrier: `${barrier}`, limit: `${limit}` });
    if (resource === 'numfiles' || resource === 'privvmpages') {
      this.#postBounds(id, (name) => (name === resource ? { barrier, limit } : live.counter(name)));
    }
  }

  /** Tells the sampler what it has to hold. */
  #postBounds(id: number, of: (resource: string) => Parameters | undefined): void {
    const bounds = (name: string) => {
      const { barrier = MAXVALUE, limit = MAXVALUE } = of(name) ?? {};
      return { barrier: boundOf(barrier), limit: boundOf(limit) };
    };
    this.#options.sampler.post({
      kind: 'beancounter',
      id,
      numfiles: bounds('numfiles'),
      privvmpages: bounds('privvmpages'),
    });
  }

  refresh(counter: Counter, figure: Figure): void {
    this.#takeSamples();
    const kind = this.#kinds.get(counter.resource.name);
    if (!kind) return; // a program's own resource
    try {
      const live = this.#lives.get(counter.beancounter.id);
      if (live) this.#read(kind, live, figure);
      else if (counter.beancounter.id === 0) this.#readRest(kind, counter);
    } catch (error) {
      this.#options.log(`${counter.resource.name} of ${counter.beancounter.id}: ${describe(error)}`);
    }
  }

  #read(kind: LiveResource, live: LiveBeancounter, figure?: Figure): void {
    const counter = live.counter(kind.resource.name);
    const { failcnt } = counter;
    kind.read(live, counter, figure);
    if (counter.failcnt > failcnt) this.#event(counter, kind.refusal ?? 'refused', counter.failcnt - failcnt);
  }

  /** Beancounter 0 holds what no other does. */
  #readRest({ resource }: LiveResource, counter: Counter): void {
    const total = this.#totals[resource.name]?.();
    if (total === undefined || Number.isNaN(total)) return;
    let others = 0;
    for (const live of this.#lives.values()) others += live.counter(resource.name).held;
    counter.observe(Math.max(0, Math.floor(total - others)));
  }

  move(pid: number, bc: Beancounter, caller: Caller | undefined): void {
    this.#mover.move(pid, bc.id, caller);
  }

  moveThread(tid: number, bc: Beancounter, caller: Caller | undefined): void {
    this.#mover.moveThread(tid, bc.id, caller);
  }

  /** Lets the kernel's limit of tasks follow a move. */
  #follow(...ids: readonly number[]): void {
    const kind = this.#kinds.get('numtasks');
    for (const id of ids) {
      const live = this.#lives.get(id);
      if (!live || !kind) continue;
      this.#read(kind, live);
      this.#holdTasks(live);
    }
  }

  /** Has the kernel hold the limit of tasks for those that are charged now. */
  #holdTasks(live: LiveBeancounter): void {
    const { barrier, limit } = live.counter('numtasks');
    this.#kinds.get('numtasks')?.apply?.(live, barrier, limit);
  }

  /** As `holdTasks`, where moved tasks have ended. */
  #holdWithout(tasks: readonly MovedTask[]): void {
    for (const id of new Set(tasks.flatMap(({ inside, charged }) => [inside, charged]))) {
      const live = this.#lives.get(id);
      // What goes wrong there is told when it is asked for itself.
      if (live) tryTo(() => this.#holdTasks(live));
    }
  }

  /** A process is about to execute a program: if it is charged where it is, its other threads leave no room there. */
  #beforeExec(tgid: number, id: number): void {
    const live = this.#lives.get(id);
    if (!live || this.#moved.find(tgid)) return;
    for (const tid of threadsOf(this.#proc, tgid)) {
      const other = this.#moved.find(tid);
      if (other?.inside === id) this.#moved.noteEnding(other);
    }
    this.#holdTasks(live);
  }

  beforeFound(bc: Beancounter): void {
    const live = this.#lives.get(bc.id);
    if (!live) return;
    if (live.isKept && !this.#hasTasks(live)) {
      live.isKept = false;
      bc.put();
      return;
    }
    this.#makeGroups(bc.id);
    live.isSeen = true;
    this.#unseen.delete(live);
    this.#state.append({ bc: bc.id, seen: true });
  }

  beforeDropped(bc: Beancounter): void {
    const live = this.#lives.get(bc.id);
    if (!live) return;
    live.isSeen = false;
    this.#unseen.add(live);
    this.#keepWhileNeeded(live);
    if (live.isKept) this.#state.append({ bc: bc.id, seen: false });
  }

  /** Holds a reference on a beancounter without a directory for as long as there are tasks. */
  #keepWhileNeeded(live: LiveBeancounter): void {
    const isNeeded = this.#hasTasks(live);
    if (isNeeded === live.isKept) return;
    live.isKept = isNeeded;
    if (isNeeded) live.bc.get();
    else live.bc.put();
  }

  /** Whether a task is in a beancounter, or charged to it. A group without any has gone afterwards. */
  #hasTasks(live: LiveBeancounter): boolean {
    live.settleMoved();
    if (this.#moved.outside(live.id) > 0) return true;
    const { hierarchies, members } = this.#machine;
    if (!members) return (live.reading?.tasks ?? 0) > 0 || this.#moved.inside(live.id) > 0;
    for (const groups of [...hierarchies].reverse()) {
      if (groups.remove(live.id)) continue;
      this.#makeGroups(live.id);
      for (const kind of this.#kinds.values()) {
        const { barrier, limit } = live.counter(kind.resource.name);
        tryTo(() => kind.apply?.(live, barrier, limit));
      }
      return true;
    }
    return false;
  }

  /** To be called when samples may have come. */
  look(): void {
    this.#takeSamples();
  }

  /**
   * To be called about once a second, by the thread that the engine lives on.
   *
   * @returns whether it has to be called again though nothing happens
   */
  tick(): boolean {
    this.#takeSamples();
    for (const live of [...this.#unseen]) this.#keepWhileNeeded(live);
    this.#secondLevel?.tick(performance.now());
    this.#state.flush();
    return this.#unseen.size > 0 || this.#secondLevel !== undefined || this.#state.isBehind;
  }

  /** What the second level of the out-of-memory killer chooses from. */
  #candidates(): Candidates {
    const lives = this.#lives;
    const physpages = (live: LiveBeancounter) => live.counter('physpages');
    return {
      *aboveBarrier() {
        for (const live of lives.values()) {
          const { held, barrier } = physpages(live);
          const pages = held - boundOf(barrier);
          if (pages > 0) yield { id: live.id, pages };
        }
      },
      heaviest: (id) => {
        const weigh = (pid: number) => ({ pid, pages: residentPagesOf(this.#proc, pid) });
        const [first] = this.#places
          .processesIn(id)
          .map(weigh)
          .sort((a, b) => b.pages - a.pages);
        return first?.pid;
      },
      kill: (id, pid) => {
        const live = lives.get(id);
        if (!live) return;
        this.#options.log(`the machine is short of memory: ${pid} of beancounter ${id} is killed`);
        tryTo(() => process.kill(pid, 'SIGKILL'));
        live.addRefused(physpages(live), 1);
        this.#event(physpages(live), 'killed', pid);
      },
    };
  }

  #takeSamples(): void {
    for (const sample of this.#options.sampler.take()) this.#takeSample(sample);
  }

  #takeSample(sample: Sample): void {
    this.#cost = sample.cost;
    if (sample.members) this.#places.take(sample.members);
    const read = new Set<number>();
    for (const reading of sample.readings) {
      const live = this.#lives.get(reading.id);
      if (!live) continue;
      read.add(reading.id);
      this.#takeReading(live, reading);
    }
    for (const id of this.#sampled) {
      const live = read.has(id) ? undefined : this.#lives.get(id);
      if (live) this.#takeReading(live, undefined);
    }
    this.#sampled = read;
  }

  #takeReading(live: LiveBeancounter, reading: Reading | undefined): void {
    live.reading = reading;
    if (reading && reading.tasks > 0) this.#places.reconcile(live.id);
    for (const kind of this.#kinds.values()) {
      this.#read(kind, live);
      this.#keep(live, kind.resource.name);
    }
  }

  /** Writes what the kernel does not keep. */
  #keep(live: LiveBeancounter, resource: string): void {
    const counter = live.counter(resource);
    const line = this.#countsLine(live, counter);
    const text = JSON.stringify(line);
    if (this.#written.get(counter) === text || (counter.maxheld === 0 && line.failcnt === 0)) return;
    this.#written.set(counter, text);
    this.#state.append(line);
  }

  #countsLine(live: LiveBeancounter, counter: Counter) {
    const { resource, maxheld } = counter;
    return { bc: live.id, resource: resource.name, maxheld, failcnt: live.refusedBefore(counter) };
  }

  /**
   * Finds the beancounters that a daemon before left, with their parameters, counters and tasks.
   *
   * @param makeDirectory makes the directory of an id, through the tree that this is the source of
   */
  restore(registry: Registry, makeDirectory: (id: number) => void): void {
    this.#isRestoring = true;
    const saved = new SavedState(this.#state.load());
    const ids = new Set([...this.#machine.hierarchies.flatMap((groups) => groups.ids()), ...saved.ids]);
    for (const task of saved.moved) if (this.#isSame(task)) this.#moved.add(task);
    for (const id of ids) {
      try {
        if (saved.isSeen(id)) makeDirectory(id);
        else registry.get(id);
        const live = this.#lives.get(id);
        if (live) this.#restoreCounters(live, saved);
      } catch (error) {
        this.#options.log(`beancounter ${id} cannot be found again: ${describe(error)}`);
      }
    }
    this.#isRestoring = false;
    this.#state.rewrite();
  }

  #restoreCounters(live: LiveBeancounter, saved: SavedState): void {
    if (!saved.isSeen(live.id)) {
      live.isSeen = false;
      this.#unseen.add(live);
      live.isKept = true; // by the reference that `restore` took
    }
    for (const counter of live.bc.counters) {
      const { name } = counter.resource;
      const parameters = saved.parameters(live.id, name);
      if (parameters) {
        try {
          counter.change(parameters.barrier, parameters.limit);
        } catch (error) {
          this.#options.log(`${name} of ${live.id}: ${describe(error)}`);
        }
      }
      const counts = saved.counts(live.id, name);
      if (!counts) continue;
      counter.observe(counter.held, counts.maxheld);
      live.restoreRefused(counter, counts.failcnt);
      if (name === 'numtasks') live.mostTasks(this.#machine.pids?.peak(live.id));
    }
  }

  /** All that the state file has to tell. */
  *#lines(): Iterable<StateLine> {
    for (const live of this.#lives.values()) {
      const { id: bc } = live;
      yield { bc, seen: live.isSeen };
      for (const counter of live.bc.counters) {
        const { resource, barrier, limit } = counter;
        if (barrier !== resource.barrier || limit !== resource.limit) {
          yield { bc, resource: resource.name, barrier: `${barrier}`, limit: `${limit}` };
        }
        const counts = this.#countsLine(live, counter);
        if (counts.maxheld > 0 || counts.failcnt > 0) yield counts;
      }
    }
    for (const moved of this.#moved) yield { moved };
  }

  /** Leaves what has tasks as it is, for the next daemon to find, and removes the rest. */
  close(): void {
    for (const live of [...this.#lives.values()]) {
      if (this.#hasTasks(live)) continue;
      this.#leave(live.bc);
    }
    if (this.#lives.size === 0) this.#state.remove();
    else this.#state.rewrite();
  }

  /** Answers `bcfs status` and its kin. @throws BcfsError as `HostRequest` has it */
  answer<A extends HostRequest['ask']>(request: HostRequest & { readonly ask: A }): HostAnswers[A];
  answer(request: HostRequest): HostAnswers[keyof HostAnswers] {
    this.#takeSamples();
    switch (request.ask) {
      case 'status':
        return this.#status();
      case 'ps':
        return this.#places.entries(this.#lives.keys());
      case 'which':
        return this.#which(request.pid);
      case 'charge':
        return this.#charge(request.pid);
      case 'drop':
        return this.#drop();
    }
  }

  #status(): Status {
    const { kind, hierarchies } = this.#machine;
    return {
      host: kind,
      directories: hierarchies.map(({ directory }) => directory),
      interval: this.#options.interval,
      cost: this.#cost,
      beancounters: this.#lives.size + 1,
      unseen: [...this.#lives.values()].filter(({ isSeen }) => !isSeen).length,
      resources: [...this.#kinds.values()].map(({ resource, status }) => ({
        resource: resource.name,
        unit: resource.unit,
        ...status,
      })),
    };
  }

  #which(pid: number): number {
    const task = readTask(this.#proc, pid);
    if (!task) throw new BcfsError('ESRCH', `no task ${pid}`);
    return this.#places.of(pid, task.tgid);
  }

  #charge(pid: number): null {
    const task = readTask(this.#proc, pid);
    if (!task) throw new BcfsError('ESRCH', `no task ${pid}`);
    const live = this.#lives.get(this.#places.of(task.tgid));
    const moved = this.#moved.find(task.tgid);
    // It was forked there, or it is in 0.
    if (!live || moved?.inside !== live.id || !this.#isSame(moved)) return null;
    this.#chargeHere(live, moved);
    this.#state.append({ back: task.tgid });
    this.#follow(live.id, moved.charged);
    return null;
  }

  /** Once no room is made for the moved task any more, there is some or there is none. @throws BcfsError ENOMEM */
  #chargeHere(live: LiveBeancounter, moved: MovedTask): void {
    const counter = live.counter('numtasks');
    const { pids } = this.#machine;
    let isCharged = false;
    this.#moved.delete(moved);
    try {
      this.#holdTasks(live);
      // Of those that are seen alive after it was read, all are in it.
      let current = pids?.current(live.id);
      while (live.settleMoved()) current = pids?.current(live.id);
      isCharged = current === undefined || live.taskCount(current) <= counter.limit;
    } finally {
      if (!isCharged) {
        this.#moved.add(moved);
        tryTo(() => this.#holdTasks(live));
      }
    }
    if (isCharged) return;
    live.addRefused(counter, 1);
    this.#event(counter, 'refused', 1);
    throw new BcfsError('ENOMEM', `numtasks of ${live.id} is at its limit`);
  }

  #drop(): null {
    for (const live of [...this.#lives.values()]) {
      // What forks meanwhile is found by the next round.
      for (let round = 0; round < DROP_ROUNDS && this.#mover.moveAll(live.id); round += 1);
      live.settleMoved();
    }
    for (const task of [...this.#moved]) this.#moved.delete(task);
    this.#places.clear();
    for (const live of [...this.#lives.values()]) {
      if (this.#hasTasks(live)) {
        throw new BcfsError(
          'EBUSY',
          `beancounter ${live.id} still has tasks: they have ended, and nobody waits for them`,
        );
      }
      this.#leave(live.bc);
    }
    this.#state.remove();
    return null;
  }

  /** Whether a task is there still. @param isQuick whether another that has its tid now may be taken for it */
  #isThere(task: MovedTask, isQuick: boolean): boolean {
    const { exists } = this.#options;
    return isQuick && exists ? exists(task.tgid, task.tid) : this.#isSame(task);
  }

  /** Whether a task is there still, and no other has its tid. */
  #isSame({ tgid, tid, start }: MovedTask): boolean {
    return startOf(this.#proc, tgid, tid) === start;
  }

  #event({ beancounter, resource }: Counter, event: HostEvent['event'], value: number): void {
    const time = (this.#options.now ?? Date.now)();
    this.#options.onEvent({ time, beancounter: beancounter.id, resource: resource.name, event, value });
  }
}

/** How often `drop` looks again for tasks that were forked meanwhile. */
const DROP_ROUNDS = 100;

/** A parameter as a task's limit can be set to it. */
function boundOf(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
}
