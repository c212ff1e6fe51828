/**
 * What is true of groups of tasks, whichever cgroups they are made of. The assertions about limits are those of the
 * kernel's tools/testing/selftests/cgroup and of LTP's pids.sh and memcg.
 */
import { closeSync, existsSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { eventfd, Pollset } from '../../lib/fuse/native.js';
import type { Groups, Machine, MemoryController, PidsController } from '../../lib/host/groups.js';
import { Agent } from '../fixtures/agent.js';
import { clear, liveMachine } from '../fixtures/live-groups.js';
import { until } from '../fixtures/mounted.js';
import { kernelThread, noPid } from '../fixtures/processes.js';

const MIB = 1 << 20;

/** The types of tmpfs and ramfs, as statfs(2) tells them. */
const inMemory = [0x01021994, 0x858458f6];

/** The groups of one beancounter, 7, in every hierarchy of a machine. */
class Live {
  readonly machine: Machine;
  readonly members: Groups;

  constructor(machine: Machine) {
    if (!machine.members) throw new Error('no hierarchy can be written');
    this.machine = machine;
    this.members = machine.members;
  }

  get pids(): PidsController {
    return this.machine.pids ?? lacks('pids');
  }

  get memory(): MemoryController {
    return this.machine.memory ?? lacks('memory');
  }

  make(id: number): void {
    for (const groups of this.machine.hierarchies) groups.make(id);
  }

  move(pid: number, id: number): void {
    for (const groups of this.machine.hierarchies) groups.moveProcess(pid, id);
  }
}

/** That a machine does not have what a behaviour is about. */
class Lacking extends Error {}

function lacks(what: string): never {
  throw new Lacking(`no ${what} controller here`);
}

type Behaviour = (t: Test, live: Live) => void | Promise<void>;

const behaviours: Readonly<Record<string, Behaviour>> = {
  'nothing is made before the first group, and nothing is left after the last': (t, { members }) => {
    t.equal(existsSync(members.directory), false);
    t.strictSame(members.ids(), []);
    members.make(7);
    members.make(8);
    t.equal(members.remove(7), true);
    t.equal(existsSync(members.directory), true);
    t.equal(members.remove(8), true);
    t.equal(existsSync(members.directory), false);
    members.make(7);
    t.strictSame(members.ids(), [7], 'it can begin again');
  },
  'a group that is there is taken over, and one that is not is removed as well': (t, { members }) => {
    members.make(7);
    members.make(7);
    t.strictSame(members.ids(), [7]);
    t.equal(members.remove(7), true);
    t.equal(members.remove(7), true);
  },
  'ids ascend as numbers': (t, { members }) => {
    for (const id of [10, 9, 100]) members.make(id);
    t.strictSame(members.ids(), [9, 10, 100]);
  },
  'a process is in the group that it was moved to, and its children follow': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    const child = Number(await agent.do('fork'));
    for (const groups of live.machine.hierarchies)
      t.strictSame(
        groups.processes(7),
        [agent.pid, child].sort((a, b) => a - b),
      );
    live.move(agent.pid, 0);
    t.strictSame(live.members.processes(7), [child], 'a child stays when its parent goes');
    t.ok(live.members.processes(0).includes(agent.pid));
  },
  'thirteen threads move together': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    t.equal(await agent.do('threads', 12), 13);
    live.move(agent.pid, 7);
    for (const groups of live.machine.hierarchies) {
      t.equal(groups.threads(7).length, 13);
      t.strictSame(groups.processes(7), [agent.pid]);
    }
  },
  'a thread moves alone where the kernel lets it': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    const tid = Number(await agent.do('thread'));
    for (const groups of live.machine.hierarchies) {
      if (groups.version === 'v2') {
        t.throws(() => groups.moveThread(tid, 7), { code: 'EOPNOTSUPP' });
        continue;
      }
      groups.moveThread(tid, 7);
      t.strictSame(groups.threads(7), [tid]);
      t.strictSame(groups.processes(7), [agent.pid], 'its process is in both');
      groups.moveThread(tid, 0);
      t.strictSame(groups.threads(7), []);
    }
  },
  'a group with a task in it stays': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    t.equal(live.members.remove(7), false);
    t.strictSame(live.members.processes(7), [agent.pid]);
    live.move(agent.pid, 0);
    t.equal(live.members.remove(7), true);
  },
  'kill, then rmdir, ten times': async (t, live) => {
    for (let i = 0; i < 10; i++) {
      live.make(7);
      const agent = await Agent.start(t);
      live.move(agent.pid, 7);
      await agent.do('fork');
      for (const groups of live.machine.hierarchies) await clear(groups, 7);
      t.equal(await agent.ended, 'SIGKILL');
    }
  },
  'who is not there, or is no task, is not moved': (t, { members }) => {
    members.make(7);
    t.throws(() => members.moveProcess(noPid, 7), { code: 'ESRCH', message: String(noPid) });
    t.throws(() => members.moveThread(noPid, 7), { code: 'ESRCH' });
    t.throws(() => members.moveProcess(0, 7), { code: 'EINVAL' }, 'it would be ourselves');
    const kthreadd = kernelThread();
    if (kthreadd !== undefined) t.throws(() => members.moveProcess(kthreadd, 7), { code: 'EINVAL' });
    t.strictSame(members.processes(7), []);
  },
  'a group that is not there is an error of its own': (t, live) => {
    const { members, machine } = live;
    t.throws(() => members.processes(7), { code: 'ENOENT' });
    t.throws(() => members.moveProcess(process.pid, 7), { code: 'ENOENT' });
    if (machine.pids) t.throws(() => machine.pids?.current(7), { code: 'ENOENT' });
    if (machine.memory) t.throws(() => machine.memory?.resident(7), { code: 'ENOENT' });
  },

  'tasks are counted, threads too': async (t, live) => {
    const { pids } = live;
    live.make(7);
    t.equal(pids.current(7), 0);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    t.equal(pids.current(7), 1);
    await agent.do('threads', 12);
    t.equal(pids.current(7), 13);
    const child = Number(await agent.do('fork'));
    t.equal(pids.current(7), 14);
    process.kill(child, 'SIGKILL');
    await agent.do('reap', child);
    t.equal(pids.current(7), 13);
    t.ok([14, undefined].includes(pids.peak(7)), `the peak: ${String(pids.peak(7))}`);
  },
  'one that was not waited for counts, and is not listed': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    const pid = Number(await agent.do('zombie'));
    t.equal(live.pids.current(7), 2);
    t.strictSame(live.members.processes(7), [agent.pid]);
    await agent.do('reap', pid);
    t.equal(live.pids.current(7), 1);
  },
  'of two tasks the third fork fails': async (t, live) => {
    const { pids } = live;
    live.make(7);
    t.equal(pids.max(7), undefined, 'at first there is no limit');
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    pids.setMax(7, 2);
    t.equal(pids.max(7), 2);
    t.type(await agent.do('fork'), 'number');
    t.equal(pids.refused(7), 0);
    t.equal(await agent.do('fork'), 'EAGAIN');
    t.equal(pids.refused(7), 1);
    t.equal(pids.current(7), 2);
    pids.setMax(7, undefined);
    t.equal(pids.max(7), undefined);
    t.type(await agent.do('fork'), 'number');
    t.equal(pids.refused(7), 1);
  },
  'a limit of 0 lets a task move in, and not fork': async (t, live) => {
    live.make(7);
    live.pids.setMax(7, 0);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    t.equal(live.pids.current(7), 1);
    t.equal(await agent.do('fork'), 'EAGAIN');
  },
  'a limit below the present number ends nobody, and lets none be added': async (t, live) => {
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    for (let i = 0; i < 3; i++) await agent.do('fork');
    live.pids.setMax(7, 2);
    t.equal(live.pids.current(7), 4);
    t.equal(live.members.processes(7).length, 4);
    t.equal(await agent.do('fork'), 'EAGAIN');
  },
  'no limit is below 0': (t, live) => {
    const { pids } = live;
    live.make(7);
    t.throws(() => pids.setMax(7, -1), { code: 'EINVAL' });
    t.equal(pids.max(7), undefined);
  },
  'who moves is counted where it moves to': async (t, live) => {
    live.make(7);
    live.make(8);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    await agent.do('fork');
    live.pids.setMax(8, 1);
    live.move(agent.pid, 8);
    t.equal(live.pids.current(7), 1);
    t.equal(live.pids.current(8), 1);
    t.equal(await agent.do('fork'), 'EAGAIN');
    t.equal(live.pids.refused(7), 0);
    t.equal(live.pids.refused(8), 1);
  },

  'what a task holds is resident, and stays behind when it moves': async (t, live) => {
    const { memory } = live;
    live.make(7);
    live.make(8);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    t.equal(memory.usage(7) < 8 * MIB, true, 'what it held before was not charged here');
    await agent.do('hold', 32 * MIB);
    t.equal(memory.usage(7) >= 32 * MIB, true);
    // The kernel adds up what each CPU has counted every two seconds.
    await until('it is counted', () => memory.resident(7) >= (31 * MIB) / 4096);
    t.equal(memory.resident(7) < (40 * MIB) / 4096, true);
    t.equal(Number.isInteger(memory.resident(7)), true);
    live.move(agent.pid, 8);
    t.equal(memory.usage(7) >= 31 * MIB, true);
    t.equal(memory.usage(8) < 8 * MIB, true);
    await agent.do('drop');
    await until('it is given back', () => memory.usage(7) < 8 * MIB);
  },
  'kernel memory is counted, where the kernel tells': async (t, live) => {
    const { memory } = live;
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    for (let i = 0; i < 8; i++) await agent.do('fork');
    if (memory.kernel(7) === undefined) lacks('kernel memory');
    await until('it is counted', () => Number(memory.kernel(7)) > 4096);
    const peak = memory.kernelPeak(7);
    t.equal(peak === undefined || peak >= Number(memory.kernel(7)), true);
  },
  'a limit is a multiple of the page size, and can be taken away': (t, live) => {
    const { memory } = live;
    live.make(7);
    t.equal(memory.limit(7), undefined);
    memory.setLimit(7, 10_000);
    t.equal(memory.limit(7), 8192);
    memory.setLimit(7, 12_288);
    t.equal(memory.limit(7), 12_288);
    memory.setLimit(7, 4095);
    t.equal(memory.limit(7), 0);
    memory.setLimit(7, undefined);
    t.equal(memory.limit(7), undefined);
  },
  'a limit holds: who needs more is killed': async (t, live) => {
    const { memory } = live;
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    memory.setLimit(7, 24 * MIB);
    t.equal(await agent.do('hold', 8 * MIB), 8 * MIB);
    t.equal(memory.killed(7), 0);
    t.equal(await agent.do('hold', 64 * MIB), 'ended');
    t.equal(await agent.ended, 'SIGKILL');
    await until('it is counted', () => memory.killed(7) === 1);
    t.equal(memory.refused(7) > 0, true);
  },
  'a limit that cannot be reached is refused, and nothing changes': async (t, live) => {
    const { memory } = live;
    live.make(7);
    memory.setLimit(7, 64 * MIB);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    await agent.do('hold', 32 * MIB);
    t.throws(() => memory.setLimit(7, 16 * MIB), { code: 'ENOMEM', message: /beancounter 7 holds more/ });
    t.equal(memory.limit(7), 64 * MIB);
    t.equal(memory.killed(7), 0);
    t.equal(await agent.do('hold', 4 * MIB), 4 * MIB, 'its tasks go on');
    await agent.do('drop');
    memory.setLimit(7, 16 * MIB);
    t.equal(memory.limit(7), 16 * MIB, 'it can be reached now');
    t.type(await agent.do('fork'), 'number', 'its tasks go on');
  },
  'a limit below what is held is set if the rest can be reclaimed': async (t, live) => {
    const { memory } = live;
    live.make(7);
    const agent = await Agent.start(t);
    const directory = t.testdir();
    // Without swap nobody can take these away.
    if (inMemory.includes(statfsSync(directory).type)) throw new Lacking('the files here are in memory');
    live.move(agent.pid, 7);
    await agent.do('write', join(directory, 'file'), 48 * MIB);
    t.equal(memory.usage(7) >= 48 * MIB, true);
    memory.setLimit(7, 16 * MIB);
    t.equal(memory.limit(7), 16 * MIB);
    t.equal(memory.usage(7) <= 16 * MIB, true);
    t.equal(memory.killed(7), 0);
    t.equal(await agent.do('hold', MIB), MIB, 'its tasks go on');
  },
  'a barrier can be set and taken away': (t, live) => {
    const { memory } = live;
    live.make(7);
    const groups = live.machine.hierarchies.find(({ controllers }) => controllers.includes('memory'));
    const name = groups?.version === 'v1' ? 'memory.soft_limit_in_bytes' : 'memory.high';
    const shown = () => readFileSync(`${String(groups?.directory)}/7/${name}`, 'utf8');
    const before = shown();
    memory.setBarrier(7, 16 * MIB);
    t.equal(shown(), `${16 * MIB}\n`);
    memory.setBarrier(7, undefined);
    t.equal(shown(), before);
  },
  'who decides what happens when memory is out is told of it': async (t, live) => {
    const { memory } = live;
    const oom = live.machine.oom ?? lacks('v1 memory');
    live.make(7);
    const agent = await Agent.start(t);
    live.move(agent.pid, 7);
    memory.setLimit(7, 24 * MIB);
    oom.setKernelKills(7, false);
    const told = eventfd();
    t.teardown(() => closeSync(told));
    oom.tell(7, told);
    const pollset = new Pollset([told]);
    pollset.wait(0);
    t.equal(pollset.isReady(0), false);
    t.equal(oom.isUnderOom(7), false);
    const answer = agent.do('hold', 32 * MIB);
    await until('it is told', () => {
      pollset.wait(0);
      return pollset.isReady(0);
    });
    await until('it sleeps', () => oom.isUnderOom(7));
    memory.setLimit(7, 64 * MIB);
    t.equal(await answer, 32 * MIB, 'it goes on with more');
    t.equal(oom.isUnderOom(7), false);
    t.equal(memory.killed(7), 0);
    oom.setKernelKills(7, true);
    t.equal(await agent.do('hold', 64 * MIB), 'ended');
    t.throws(() => oom.tell(8, told), { code: 'ENOENT' });
  },
};

/** Runs each behaviour as a test, on groups of its own. @param makeMachine gives them */
export async function runGroupsSuite(
  t: Test,
  makeMachine: (t: Test) => Machine = liveMachine,
): Promise<void> {
  for (const [title, behaviour] of Object.entries(behaviours)) {
    await t.test(title, async (t) => {
      try {
        await behaviour(t, new Live(makeMachine(t)));
      } catch (error) {
        if (!(error instanceof Lacking)) throw error;
        t.pass('not here', { skip: error.message });
      }
    });
  }
}
