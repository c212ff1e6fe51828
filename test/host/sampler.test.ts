import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { samplingCalls } from '../../lib/host/native.js';
import { ProcReader, readBelongings, type ProcessHandle } from '../../lib/host/process-reader.js';
import type { Members } from '../../lib/host/procfs-members.js';
import { originalsFile } from '../../lib/host/rlimit-originals.js';
import { FULL_EVERY, Sampler } from '../../lib/host/sampler.js';
import type { Reading } from '../../lib/host/sampling.js';
import { Agent } from '../fixtures/agent.js';

const unlimited = { barrier: Infinity, limit: Infinity };
const start = { privvmpages: unlimited, numfiles: unlimited };

/** A sampler over live processes that are where the test puts them. */
function live(t: Test, reader = new ProcReader()) {
  const dir = mkdtempSync(join(tmpdir(), 'bcfs-'));
  const path = join(dir, 'originals');
  const places = new Map<number, number[]>();
  const members: Members = {
    read: (ids) =>
      new Map(
        [...ids].map((id) => [id, { processes: places.get(id) ?? [], tasks: places.get(id)?.length ?? 0 }]),
      ),
    move: () => undefined,
    pairs: () => undefined,
  };
  const make = () =>
    new Sampler({
      members,
      reader,
      calls: samplingCalls(),
      originals: originalsFile(path),
      cpu: () => process.cpuUsage().user / 1000,
    });
  const sampler = make();
  t.teardown(() => {
    sampler.handle({ kind: 'end' });
    rmSync(dir, { recursive: true });
  });
  return { sampler, places, path, make };
}

/** A reader whose processes `change` has its way with. */
function readerWith(change: (handle: ProcessHandle) => ProcessHandle): ProcReader {
  return new (class extends ProcReader {
    override open(pid: number): ProcessHandle | undefined {
      const handle = super.open(pid);
      return handle && change(handle);
    }
  })();
}

/** What a beancounter holds by the next sample. */
function of(id: number, sampler: Sampler): Reading | undefined {
  return sampler.sample().readings.find((reading) => reading.id === id);
}

/** A shell that does each line it is told. */
async function bash(t: Test): Promise<{ pid: number; run: (line: string) => Promise<string> }> {
  const child: ChildProcess = spawn('bash', [], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const run = async (line: string) => {
    child.stdin!.write(`${line}\necho "done $?"\n`);
    let said = '';
    while (!/done \d+\n$/.test(said)) said += String((await once(child.stdout!, 'data'))[0]);
    return said;
  };
  await run('true');
  return { pid: child.pid!, run };
}

function nofile(pid: number): string | undefined {
  return /^Max open files\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
}

t.test('a sample may be asked for', (t) => {
  const { sampler } = live(t);
  t.equal(sampler.handle({ kind: 'sample' }), true);
  t.strictSame(sampler.sample().readings, []);
  t.end();
});

t.test('a file counts once, whoever has it by dup or fork', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid, run } = await bash(t);
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  const first = sampler.sample().readings[0]!.numfiles;
  await run('exec 20</etc/passwd 21<&20 22</etc/passwd');
  t.equal(sampler.sample().readings[0]!.numfiles, first + 2);
  const child = Number((await run('sleep 1000 & echo $!')).split('\n')[0]);
  t.teardown(() => process.kill(child));
  places.set(1, [child, pid]);
  // bash gives what runs in the background /dev/null as its input, and that is a file of its own.
  await sleep(100);
  t.equal(sampler.sample().readings[0]!.numfiles, first + 3);
});

t.test('what a process had stays with the old beancounter', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid, run } = await bash(t);
  places.set(1, [pid]);
  for (const id of [1, 2]) sampler.handle({ kind: 'beancounter', id, ...start });
  const before = sampler.sample().readings[0]!;
  await run('exec 20</etc/passwd');
  const belongings = readBelongings(pid)!;
  sampler.handle({ kind: 'moved', pid, from: 1, to: 2, before: belongings });
  places.set(1, []).set(2, [pid]);
  await run('exec 21</etc/passwd');
  const [old, present] = sampler.sample().readings;
  t.equal(old!.numfiles, before.numfiles + 1);
  t.equal(present!.numfiles, 1);
  t.equal(old!.privvmpages, belongings.privvmpages);
  t.equal(old!.resident, 0);
  await run('exec 20<&-');
  t.equal(sampler.sample().readings[0]!.numfiles, before.numfiles, 'closed');
});

t.test('a process that was moved is not looked at before that is told', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid } = await bash(t);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  const before = readBelongings(pid)!;
  places.set(1, [pid]);
  t.equal(
    sampler.sample(() => true),
    undefined,
  );
  sampler.handle({ kind: 'moved', pid, from: 0, to: 1, before });
  t.match(sampler.sample(() => false)?.readings, [{ numfiles: 0, privvmpages: 0 }], 'nothing is recharged');
});

t.test('a process can open as many files as its beancounter has left', { timeout: 60_000 }, async (t) => {
  const { sampler, places, path } = live(t);
  const { pid, run } = await bash(t);
  const own = nofile(pid);
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  const held = sampler.sample().readings[0]!.numfiles;
  const numfiles = { barrier: held + 3, limit: held + 3 };
  sampler.handle({ kind: 'beancounter', id: 1, ...start, numfiles });
  sampler.sample();
  t.not(nofile(pid), own);
  t.match(readFileSync(path, 'utf8'), new RegExp(`^${pid} \\d+ ${own} -\n$`));
  const opened = await run('for i in 3 4 5 6 7 8; do eval "exec $i</etc/passwd" && echo opened; done; true');
  t.equal(opened.match(/opened/g)?.length, 3, opened);
  sampler.handle({ kind: 'gone', id: 1 });
  sampler.sample();
  t.equal(nofile(pid), own, 'put back');
});

t.test('what is closed while it is listed makes no room', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(
    t,
    readerWith((handle) => ({ ...handle, files: () => handle.files()?.set(4, '/etc/passwd') })),
  );
  const agent = await Agent.start(t);
  t.equal(await agent.do('openFile', '/etc/passwd', 0), 3);
  const held = readdirSync(`/proc/${agent.pid}/fd`).length;
  places.set(1, [agent.pid]);
  const numfiles = { barrier: held + 10, limit: held + 10 };
  sampler.handle({ kind: 'beancounter', id: 1, ...start, numfiles });
  t.equal(sampler.sample().readings[0]!.numfiles, held);
  t.equal(nofile(agent.pid), '14');
});

t.test('what exec closes is free already when exec was announced', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const agent = await Agent.start(t);
  t.equal(await agent.do('openFile', '/etc/passwd', 0), 3);
  t.equal(await agent.do('openFile', '/etc/passwd', 1), 4);
  places.set(1, [agent.pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  const held = sampler.sample().readings[0]!.numfiles;
  const numfiles = { barrier: held + 3, limit: held + 3 };
  sampler.handle({ kind: 'beancounter', id: 1, ...start, numfiles });
  sampler.sample();
  t.equal(nofile(agent.pid), '8', 'three more than 0 to 4');
  sampler.handle({ kind: 'exec', pid: agent.pid, addressSpace: undefined });
  sampler.sample();
  t.equal(nofile(agent.pid), '8', 'four more than 0 to 2 and 4: 3 is free again');
  await agent.do('openFile', '/etc/passwd', 0);
  sampler.sample();
  t.equal(nofile(agent.pid), '8', 'no exec any more');
});

t.test('what exec unmaps stays with nobody, however much is mapped since', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid, run } = await bash(t);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  sampler.handle({ kind: 'beancounter', id: 2, ...start });
  for (const id of [1, 2]) {
    places.clear();
    places.set(id, [pid]);
    sampler.handle({ kind: 'moved', pid, from: id - 1, to: id, before: readBelongings(pid)! });
    if (id === 1) sampler.sample();
    await run('exec bash');
  }
  const data = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[5]);
  const held = (readings: readonly Reading[]) =>
    readings.flatMap(({ id, privvmpages }) => (privvmpages > 0 ? [[id, privvmpages]] : []));
  t.strictSame(held(sampler.sample().readings), [[2, data]], '2 is charged, as 1 is no more');
  const other = await bash(t);
  const before = readBelongings(other.pid)!;
  places.set(2, [pid, other.pid]);
  sampler.handle({ kind: 'moved', pid: other.pid, from: 1, to: 2, before });
  t.match(sampler.sample().readings, [
    { id: 2, privvmpages: data },
    { id: 1, privvmpages: before.privvmpages },
  ]);
  await other.run('exec bash');
  await other.run('x=$(printf %1000000s)');
  const all = data + Number(readFileSync(`/proc/${other.pid}/statm`, 'utf8').split(' ')[5]);
  t.strictSame(held(sampler.sample().readings), [[2, all]], 'at the first sample after it');
});

/** A shell that was in 1 when it mapped what it has, `stays`. */
async function movedFrom1To2(t: Test, reader: ProcReader) {
  const { sampler, places } = live(t, reader);
  const { pid, run } = await bash(t);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  sampler.handle({ kind: 'beancounter', id: 2, ...start });
  places.set(2, [pid]);
  const before = readBelongings(pid)!;
  sampler.handle({ kind: 'moved', pid, from: 1, to: 2, before });
  return { sampler, run, stays: { privvmpages: before.privvmpages } };
}

t.test('what was mapped stays where an exec cannot be told', { timeout: 60_000 }, async (t) => {
  let isShown = false;
  const reader = readerWith((handle) => ({
    ...handle,
    addressSpace: () => (isShown ? handle.addressSpace() : undefined),
  }));
  const { sampler, run, stays } = await movedFrom1To2(t, reader);
  t.match(of(1, sampler), stays, 'nothing tells after the move');
  isShown = true;
  await run('x=$(printf %1000000s)');
  t.match(of(1, sampler), stays, 'it is the same');
  isShown = false;
  await run('y=$(printf %1000000s)');
  t.match(of(1, sampler), stays, 'nothing tells any more');
});

t.test('a process has ended when its address space is another', { timeout: 60_000 }, async (t) => {
  let hasEnded = false;
  const reader = readerWith((handle) => ({
    ...handle,
    addressSpace: () => (hasEnded ? '1 2 3' : handle.addressSpace()),
    // Read once more after the address space only.
    memory: () => (hasEnded && ++reads > 1 ? undefined : handle.memory()),
  }));
  let reads = 0;
  const { sampler, run, stays } = await movedFrom1To2(t, reader);
  sampler.sample();
  await run('x=$(printf %1000000s)');
  hasEnded = true;
  t.match(of(1, sampler), stays, 'nothing is recharged');
});

t.test('a stack that was larger before exec makes no limit below nothing', { timeout: 60_000 }, async (t) => {
  const reader = readerWith((handle) => ({
    ...handle,
    status: () => ({ isLocked: false, isAdmin: false, stack: 1e6 }),
  }));
  const { sampler, places } = live(t, reader);
  const { pid } = await bash(t);
  places.set(1, [pid]);
  for (const room of [10, -10]) {
    sampler.handle({ kind: 'beancounter', id: 1, ...start });
    const held = sampler.sample().readings[0]!.privvmpages + room;
    sampler.handle({
      kind: 'beancounter',
      id: 1,
      ...start,
      privvmpages: { barrier: held, limit: held },
    });
    sampler.sample();
    const limit = /^Max data size\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
    t.equal(limit, String(Math.max(0, room) * 4096));
  }
});

t.test('until exec is called no descriptor counts that it closes', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const agent = await Agent.start(t);
  t.equal(await agent.do('openFile', '/etc/passwd', 0), 3);
  const { pid } = agent;
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start, numfiles: { barrier: 3, limit: 3 } });
  const before = readBelongings(pid)!;
  sampler.handle({ kind: 'moved', pid, from: 0, to: 1, before });
  sampler.sample();
  t.equal(nofile(pid), '7', 'three more than 0 to 3, none of which is charged');
  const { addressSpace } = before;
  sampler.handle({ kind: 'exec', pid, addressSpace });
  for (let i = 0; i < 3; i += 1) {
    sampler.sample();
    t.equal(nofile(pid), '6', 'three more than 0 to 2: exec closes 3');
  }
  sampler.handle({ kind: 'exec', pid, addressSpace: '1 2 3' });
  sampler.sample();
  t.equal(nofile(pid), '6', 'it was called: but what was listed may be older');
  sampler.sample();
  t.equal(nofile(pid), '7', 'now it has what is listed');
  sampler.handle({ kind: 'exec', pid, addressSpace });
  sampler.sample();
  t.equal(nofile(pid), '6');
  for (let i = 0; i < FULL_EVERY; i += 1) sampler.sample();
  t.equal(nofile(pid), '7', 'it was never called');
});

t.test('limits that a killed bcfs has left are put back', { timeout: 60_000 }, async (t) => {
  const { sampler, places, make } = live(t);
  const { pid } = await bash(t);
  const own = nofile(pid);
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start, numfiles: { barrier: 20, limit: 20 } });
  sampler.sample();
  t.not(nofile(pid), own);
  make();
  t.equal(nofile(pid), own);
});

t.test('privvmpages is held by RLIMIT_DATA, without the stack', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid } = await bash(t);
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  const { privvmpages: held } = sampler.sample().readings[0]!;
  sampler.handle({
    kind: 'beancounter',
    id: 1,
    ...start,
    privvmpages: { barrier: held + 10, limit: held + 10 },
  });
  sampler.sample();
  const limit = Number(/^Max data size\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]);
  const data = Number(/^VmData:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  t.equal(limit, data + 10 * 4096);
});

t.test('a process that has ended holds nothing', { timeout: 60_000 }, async (t) => {
  const { sampler, places } = live(t);
  const { pid } = await bash(t);
  places.set(1, [pid]);
  sampler.handle({ kind: 'beancounter', id: 1, ...start });
  t.ok(sampler.sample().readings[0]!.numfiles > 0);
  process.kill(pid, 'SIGKILL');
  await sleep(200);
  t.match(sampler.sample().readings[0], { numfiles: 0, privvmpages: 0, resident: 0 });
});
