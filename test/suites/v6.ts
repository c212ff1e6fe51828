/**
 * The beancounters' tree as v6.md states it (patch 5), its errors, the mistakes of v6 that are not repeated, and
 * the two dialects, whose every difference is a row of a table here. Every file system that shows the tree runs
 * it, in both dialects.
 */
import { constants, readdirSync } from 'node:fs';
import type { Test } from 'tap';
import type { Dialect } from '../../lib/bc/value.js';
import { kernelThread, noPid, shell, threaded } from '../fixtures/processes.js';
import {
  codeOf,
  makeDirectory,
  opened,
  snapshot,
  type Backend,
  type Behaviour,
  type Suite,
} from './backend.js';

/** A backend of beancounters. */
export interface BeancounterBackend extends Backend {
  /** Charges with BARRIER. */
  charge(id: number, resource: string, units: number): Promise<void>;
  uncharge(id: number, resource: string, units: number): Promise<void>;
  /** The ids of every known task's exec_bc. */
  execBcs(): Promise<number[]>;
}

const UNLIMITED = '9223372036854775807\n';

/** Barrier and limit of a new beancounter. */
const defaults: Readonly<Record<string, readonly [barrier: string, limit: string]>> = {
  kmemsize: ['65536\n', '65536\n'],
  numfiles: ['256\n', '512\n'],
  numtasks: ['128\n', '128\n'],
  physpages: [UNLIMITED, UNLIMITED],
  privvmpages: [UNLIMITED, UNLIMITED],
};

/** The files of a resource, with their modes. */
const resourceFiles = {
  barrier: 0o644,
  limit: 0o644,
  held: 0o444,
  maxheld: 0o444,
  minheld: 0o444,
  failcnt: 0o444,
};

/** What one dialect answers: the value that is shown afterwards, or the code of the refusal. */
type Row<Input> = readonly [input: Input, people: string, strict: string];

/** Written to a barrier or a limit that may be anything up to the largest value. */
const numbers: readonly Row<string | Buffer>[] = [
  ['5', '5', '5'],
  ['0', '0', '0'],
  ['005', '5', '5'],
  ['9223372036854775807', '9223372036854775807', '9223372036854775807'],
  // What follows is the same in both, for strict wraps before it compares: these are above LONG_MAX after it.
  ['9223372036854775808', 'EINVAL', 'EINVAL'],
  ['18446744073709551615', 'EINVAL', 'EINVAL'],
  ['12x', 'EINVAL', 'EINVAL'],
  ['x', 'EINVAL', 'EINVAL'],
  ['-1', 'EINVAL', 'EINVAL'],
  ['+1', 'EINVAL', 'EINVAL'],
  [' 5', 'EINVAL', 'EINVAL'],
  ['5 ', 'EINVAL', 'EINVAL'],
  ['5 6', 'EINVAL', 'EINVAL'],
  ['\t5', 'EINVAL', 'EINVAL'],
  ['0x10', 'EINVAL', 'EINVAL'],
  ['1e3', 'EINVAL', 'EINVAL'],
  ['5.0', 'EINVAL', 'EINVAL'],
  ['1_000', 'EINVAL', 'EINVAL'],
  ['5n', 'EINVAL', 'EINVAL'],
  ['\n', 'EINVAL', 'EINVAL'],
  ['\n5', 'EINVAL', 'EINVAL'],
  ['5\n\n', 'EINVAL', 'EINVAL'],
  ['5\n6', 'EINVAL', 'EINVAL'],
  ['5\r\n', 'EINVAL', 'EINVAL'],
  ['\0', 'EINVAL', 'EINVAL'],
  ['5\0', 'EINVAL', 'EINVAL'],
  ['5\0\n', 'EINVAL', 'EINVAL'],
  ['5\x006', 'EINVAL', 'EINVAL'],
  ['٥', 'EINVAL', 'EINVAL'],
  ['５', 'EINVAL', 'EINVAL'],
  ['\ufeff5', 'EINVAL', 'EINVAL'],
  [Buffer.from([0xff]), 'EINVAL', 'EINVAL'],
  [Buffer.from([0x35, 0xff]), 'EINVAL', 'EINVAL'],
  [Buffer.from([0x35, 0xc3]), 'EINVAL', 'EINVAL'],
  // The differences: a newline,
  ['5\n', '5', 'EINVAL'],
  ['0\n', '0', 'EINVAL'],
  ['9223372036854775807\n', '9223372036854775807', 'EINVAL'],
  // and what does not fit, which wraps at 2^64.
  ['18446744073709551616', 'EINVAL', '0'],
  ['18446744073709551617', 'EINVAL', '1'],
  ['18446744073709551617\n', 'EINVAL', 'EINVAL'],
  ['36893488147419103237', 'EINVAL', '5'],
  // 20 kB, of which the store sees 4095 digits.
  ['1'.repeat(20_000), 'EINVAL', '8198552921648689607'],
  ['2'.repeat(20_000), 'EINVAL', 'EINVAL'],
];

/** Given to mkdir; the value is what the id shows. */
const names: readonly Row<string>[] = [
  ['1', '1', '1'],
  ['10', '10', '10'],
  ['2147483647', '2147483647', '2147483647'],
  ['0', 'EEXIST', 'EEXIST'],
  ['description', 'EEXIST', 'EEXIST'],
  ['1'.repeat(256), 'ENAMETOOLONG', 'ENAMETOOLONG'],
  // The differences: the errno of a bad name,
  ['-1', 'EINVAL', 'ENOMEM'],
  ['+1', 'EINVAL', 'ENOMEM'],
  ['1x', 'EINVAL', 'ENOMEM'],
  ['x1', 'EINVAL', 'ENOMEM'],
  ['x', 'EINVAL', 'ENOMEM'],
  [' 1', 'EINVAL', 'ENOMEM'],
  ['1 ', 'EINVAL', 'ENOMEM'],
  ['1\n', 'EINVAL', 'ENOMEM'],
  ['0x1', 'EINVAL', 'ENOMEM'],
  ['1e3', 'EINVAL', 'ENOMEM'],
  ['1.0', 'EINVAL', 'ENOMEM'],
  ['٣', 'EINVAL', 'ENOMEM'],
  ['x'.repeat(255), 'EINVAL', 'ENOMEM'],
  // names that are not canonical,
  ['01', 'EINVAL', '1'],
  ['00', 'EINVAL', '0'],
  // and ids that do not fit, which wrap at 2^32.
  ['2147483648', 'EINVAL', '2147483648'],
  ['4294967295', 'EINVAL', '4294967295'],
  ['4294967296', 'EINVAL', '0'],
  ['4294967297', 'EINVAL', '1'],
  ['18446744073709551617', 'EINVAL', '1'],
  ['1'.repeat(255), 'EINVAL', '3340530119'],
];

/** Written to tasks and threads; `''` is a move. */
function pids(pid: number): readonly Row<string>[] {
  return [
    [`${pid}`, '', ''],
    [`000${pid}`, '', ''],
    ['0', 'ESRCH', 'ESRCH'],
    [`${noPid}`, 'ESRCH', 'ESRCH'],
    ['4294967295', 'ESRCH', 'ESRCH'],
    [`${pid}x`, 'EINVAL', 'EINVAL'],
    [`-${pid}`, 'EINVAL', 'EINVAL'],
    [`+${pid}`, 'EINVAL', 'EINVAL'],
    [` ${pid}`, 'EINVAL', 'EINVAL'],
    [`${pid}\n\n`, 'EINVAL', 'EINVAL'],
    [`${pid}\0`, 'EINVAL', 'EINVAL'],
    ['\n', 'EINVAL', 'EINVAL'],
    ['self', 'EINVAL', 'EINVAL'],
    // The differences: a newline,
    [`${pid}\n`, '', 'EINVAL'],
    [`${noPid}\n`, 'ESRCH', 'EINVAL'],
    // and what does not fit, which wraps at 2^32.
    [`${2 ** 32 + pid}`, 'EINVAL', ''],
  ];
}

/** Short enough to be the title of an assertion. */
function label(input: string | Buffer): string {
  const text = typeof input === 'string' ? JSON.stringify(input) : `bytes ${input.toString('hex')}`;
  return text.length > 30 ? `${text.slice(0, 10)}… (${input.length})` : text;
}

async function refused(t: Test, operation: Promise<unknown>, code: string, what: string): Promise<void> {
  t.equal(await codeOf(operation), code, `${what}: ${code}`);
}

async function shows(t: Test, fs: Backend, path: string, text: string): Promise<void> {
  t.equal(await fs.readFile(path), text, `${path} shows ${JSON.stringify(text)}`);
}

/** Has the tree notice who has ended: whoever is named, it looks. */
async function reap(t: Test, fs: Backend): Promise<void> {
  await refused(t, fs.writeFile('/0/tasks', String(noPid)), 'ESRCH', 'a pid that does not exist');
}

/** The suite, for a tree of one dialect. */
export function v6Suite(dialect: Dialect): Suite<BeancounterBackend> {
  /** What this dialect answers. */
  const answer = <Input>([, people, strict]: Row<Input>) => (dialect === 'strict' ? strict : people);

  /** Each row of the numbers, stored in a file whose other parameter is in nobody's way. */
  function storesNumbers(file: 'barrier' | 'limit'): Behaviour<BeancounterBackend> {
    return async (t, fs, item) => {
      const resource = `${item}/numtasks`;
      if (file === 'limit') await fs.writeFile(`${resource}/barrier`, '0');
      else await fs.writeFile(`${resource}/limit`, '9223372036854775807');
      for (const row of numbers) {
        const [input] = row;
        const expected = answer(row);
        await fs.writeFile(`${resource}/${file}`, '77');
        const before = await snapshot(fs, resource);
        const code = await codeOf(fs.writeFile(`${resource}/${file}`, input));
        if (/^[0-9]/.test(expected)) {
          t.equal(code, '', `${label(input)} is stored`);
          await shows(t, fs, `${resource}/${file}`, `${expected}\n`);
        } else {
          t.equal(code, expected, `${label(input)} is refused`);
          t.strictSame(await snapshot(fs, resource), before, 'and nothing has changed');
        }
      }
    };
  }

  /** Each row of the pids, written to tasks or threads. */
  function takesPids(file: 'tasks' | 'threads'): Behaviour<BeancounterBackend> {
    return async (t, fs, item) => {
      const { pid } = await shell(t);
      await reap(t, fs);
      let before = await snapshot(fs, '/');
      for (const row of pids(pid)) {
        const [input] = row;
        // It would be this very process.
        if (input === '0' && fs.answers.knowsCaller) continue;
        const expected = answer(row);
        t.equal(await codeOf(fs.writeFile(`${item}/${file}`, input)), expected, label(input));
        const after = await snapshot(fs, '/');
        if (expected !== '') t.strictSame(after, before, 'and nothing has changed');
        before = after;
      }
    };
  }

  return {
    // The tree

    'the subsystem has a description, spelled as v6 spells it, and beancounter 0': async (t, fs, item) => {
      t.strictSame(await fs.readdir('/'), ['0', item.slice(1), 'description']);
      await shows(t, fs, '/description', 'Beancounters controll resource usage of task groups\n');
      t.equal((await fs.stat('/description')).mode & 0o7777, 0o444);
    },

    'a beancounter has an id, tasks, threads, and a directory per resource': async (t, fs, item) => {
      for (const directory of ['/0', item]) {
        const expected = ['id', 'tasks', 'threads', ...Object.keys(defaults)].sort();
        t.strictSame(await fs.readdir(directory), expected, directory);
        t.equal((await fs.stat(`${directory}/id`)).mode & 0o7777, 0o444, 'id');
        t.equal((await fs.stat(`${directory}/tasks`)).mode & 0o7777, 0o200, 'tasks');
        t.equal((await fs.stat(`${directory}/threads`)).mode & 0o7777, 0o200, 'threads');
      }
    },

    'a resource has six files': async (t, fs, item) => {
      for (const directory of ['/0', item]) {
        for (const resource of Object.keys(defaults)) {
          const path = `${directory}/${resource}`;
          t.strictSame(await fs.readdir(path), Object.keys(resourceFiles).sort(), path);
          for (const [file, mode] of Object.entries(resourceFiles)) {
            t.equal((await fs.stat(`${path}/${file}`)).mode & 0o7777, mode, file);
          }
        }
      }
    },

    'every attribute of a beancounter that shows, shows one unsigned decimal and a newline': async (
      t,
      fs,
      item,
    ) => {
      for (const directory of ['/0', item]) {
        for (const [path, text] of Object.entries(await snapshot(fs, directory))) {
          if (/\/(tasks|threads)$/.test(path)) t.equal(text, 'EACCES', path);
          else t.match(text, /^(0|[1-9][0-9]*)\n$/, path);
        }
      }
    },

    'the id is the directory, in decimal': async (t, fs, item) => {
      await shows(t, fs, '/0/id', '0\n');
      await shows(t, fs, `${item}/id`, `${item.slice(1)}\n`);
      await makeDirectory(t, fs, '/2147483647');
      await shows(t, fs, '/2147483647/id', '2147483647\n');
    },

    'a new beancounter has its barriers and limits, and counters of 0': async (t, fs, item) => {
      for (const [resource, [barrier, limit]] of Object.entries(defaults)) {
        const path = `${item}/${resource}`;
        t.strictSame(await snapshot(fs, path), {
          [`${path}/barrier`]: barrier,
          [`${path}/limit`]: limit,
          [`${path}/held`]: '0\n',
          [`${path}/maxheld`]: '0\n',
          [`${path}/minheld`]: '0\n',
          [`${path}/failcnt`]: '0\n',
        });
      }
    },

    'beancounter 0 is unlimited': async (t, fs) => {
      for (const resource of Object.keys(defaults)) {
        await shows(t, fs, `/0/${resource}/barrier`, UNLIMITED);
        await shows(t, fs, `/0/${resource}/limit`, UNLIMITED);
      }
      // What a shell makes of numfiles/*.
      const files = Object.keys(resourceFiles).sort();
      const cat = await Promise.all(files.map((file) => fs.readFile(`/0/numfiles/${file}`)));
      t.equal(cat.join('').split('\n')[0], '9223372036854775807', 'cat numfiles/* starts with it');
    },

    'the parameters of beancounter 0 can be set': async (t, fs) => {
      for (const [file, value] of [
        ['barrier', '1000'],
        ['limit', '2000'],
        ['limit', UNLIMITED.trim()],
        ['barrier', UNLIMITED.trim()],
      ] as const) {
        await fs.writeFile(`/0/numfiles/${file}`, value);
        await shows(t, fs, `/0/numfiles/${file}`, `${value}\n`);
      }
    },

    'mkdir inside a beancounter or a resource is EPERM': async (t, fs, item) => {
      for (const path of [item, `${item}/numtasks`, '/0', '/0/numtasks']) {
        await refused(t, fs.mkdir(`${path}/2`), 'EPERM', path);
      }
    },

    'rmdir of 0 or of a resource directory is EPERM': async (t, fs, item) => {
      for (const path of ['/0', '/0/numtasks', `${item}/numtasks`, `${item}/kmemsize`]) {
        await refused(t, fs.rmdir(path), 'EPERM', path);
      }
    },

    // Barrier and limit

    'barrier and limit of every resource can be set, each for itself': async (t, fs, item) => {
      for (const resource of Object.keys(defaults)) {
        const path = `${item}/${resource}`;
        await fs.writeFile(`${path}/barrier`, '7');
        await fs.writeFile(`${path}/limit`, '9');
        await shows(t, fs, `${path}/barrier`, '7\n');
        await shows(t, fs, `${path}/limit`, '9\n');
      }
      const [barrier] = defaults['numtasks']!;
      await makeDirectory(t, fs, '/1');
      await shows(t, fs, '/1/numtasks/barrier', barrier);
    },

    'a barrier above the limit is EINVAL: to raise both, the limit goes first': async (t, fs, item) => {
      const path = `${item}/numtasks`;
      await refused(t, fs.writeFile(`${path}/barrier`, '500'), 'EINVAL', 'the barrier first');
      await shows(t, fs, `${path}/barrier`, '128\n');
      await fs.writeFile(`${path}/limit`, '500');
      await fs.writeFile(`${path}/barrier`, '500');
      await shows(t, fs, `${path}/barrier`, '500\n');
      await shows(t, fs, `${path}/limit`, '500\n');
    },

    'a limit below the barrier is EINVAL: to lower both, the barrier goes first': async (t, fs, item) => {
      const path = `${item}/numtasks`;
      await refused(t, fs.writeFile(`${path}/limit`, '50'), 'EINVAL', 'the limit first');
      await shows(t, fs, `${path}/limit`, '128\n');
      await fs.writeFile(`${path}/barrier`, '50');
      await fs.writeFile(`${path}/limit`, '50');
      await shows(t, fs, `${path}/barrier`, '50\n');
      await shows(t, fs, `${path}/limit`, '50\n');
    },

    'a limit below what is held is taken': async (t, fs, item) => {
      const id = Number(item.slice(1));
      await fs.charge(id, 'numtasks', 100);
      await fs.writeFile(`${item}/numtasks/barrier`, '5');
      await fs.writeFile(`${item}/numtasks/limit`, '5');
      await shows(t, fs, `${item}/numtasks/held`, '100\n');
      await shows(t, fs, `${item}/numtasks/limit`, '5\n');
      await refused(t, fs.charge(id, 'numtasks', 1), 'ENOMEM', 'a charge then');
      await fs.uncharge(id, 'numtasks', 100);
    },

    'physpages below what is held and cannot be reclaimed is ENOMEM, and nothing changes': async (
      t,
      fs,
      item,
    ) => {
      const id = Number(item.slice(1));
      await fs.charge(id, 'physpages', 100);
      await fs.writeFile(`${item}/physpages/barrier`, '0');
      const before = await snapshot(fs, item);
      await refused(t, fs.writeFile(`${item}/physpages/limit`, '99'), 'ENOMEM', 'below');
      t.strictSame(await snapshot(fs, item), before);
      await fs.writeFile(`${item}/physpages/limit`, '100');
      await shows(t, fs, `${item}/physpages/limit`, '100\n');
      await fs.uncharge(id, 'physpages', 100);
    },

    'stores of barrier and limit at the same time never leave the barrier above the limit': async (
      t,
      fs,
      item,
    ) => {
      const path = `${item}/numtasks`;
      let refusals = 0;
      for (let round = 0; round < 20; round += 1) {
        const stores = [7, 3, 9, 5].flatMap((value, index) => [
          codeOf(fs.writeFile(`${path}/barrier`, String((value * (round + index)) % 100))),
          codeOf(fs.writeFile(`${path}/limit`, String((value * (round + 3 * index)) % 100))),
        ]);
        const codes = await Promise.all(stores);
        refusals += codes.filter((code) => code === 'EINVAL').length;
        t.ok(codes.every((code) => code === '' || code === 'EINVAL'));
        const [barrier, limit] = await Promise.all([
          fs.readFile(`${path}/barrier`),
          fs.readFile(`${path}/limit`),
        ]);
        t.ok(Number(barrier) <= Number(limit), `${barrier.trim()} <= ${limit.trim()}`);
      }
      t.ok(refusals > 0, 'some were refused');
    },

    // Counters

    'held, maxheld, minheld and failcnt show what the engine counts': async (t, fs, item) => {
      const id = Number(item.slice(1));
      const path = `${item}/numtasks`;
      await fs.charge(id, 'numtasks', 100);
      await fs.uncharge(id, 'numtasks', 40);
      await refused(t, fs.charge(id, 'numtasks', 69), 'ENOMEM', 'a charge above the barrier');
      await refused(t, fs.charge(id, 'numtasks', 70), 'ENOMEM', 'another');
      await shows(t, fs, `${path}/held`, '60\n');
      await shows(t, fs, `${path}/maxheld`, '100\n');
      await shows(t, fs, `${path}/minheld`, '0\n');
      await shows(t, fs, `${path}/failcnt`, '2\n');
      await shows(t, fs, `${item}/numfiles/held`, '0\n');
      await shows(t, fs, '/0/numtasks/held', '0\n');
      await fs.uncharge(id, 'numtasks', 60);
    },

    'held read in two halves never mixes two values': async (t, fs, item) => {
      const id = Number(item.slice(1));
      await fs.charge(id, 'privvmpages', 123456);
      const file = await opened(t, fs, `${item}/privvmpages/held`, constants.O_RDONLY);
      t.equal(await file.read(3), '123');
      await fs.charge(id, 'privvmpages', 654321);
      t.equal(await file.read(100), '456\n');
      await shows(t, fs, `${item}/privvmpages/held`, '777777\n');
      await fs.uncharge(id, 'privvmpages', 777777);
    },

    'held read in two halves never mixes two values while tasks come': async (t, fs, item) => {
      for (let count = 0; count < 11; count += 1) {
        await fs.writeFile(`${item}/tasks`, String((await shell(t)).pid));
      }
      const one = await shell(t);
      const file = await opened(t, fs, '/0/numtasks/held', constants.O_RDONLY);
      const first = await file.read(1);
      await fs.writeFile(`${item}/tasks`, String(one.pid));
      t.equal(first + (await file.read(100)), '11\n');
      await shows(t, fs, '/0/numtasks/held', '12\n');
    },

    // Numbers, names, pids: the dialects

    'a store of a limit takes one number and nothing else': storesNumbers('limit'),
    'a store of a barrier takes one number and nothing else': storesNumbers('barrier'),

    'a write of nothing stores nothing': async (t, fs, item) => {
      const before = await snapshot(fs, item);
      for (const file of ['numtasks/limit', 'numtasks/barrier', 'tasks', 'threads']) {
        t.equal(await codeOf(fs.writeFile(`${item}/${file}`, '')), fs.answers.emptyWrite, file);
      }
      t.strictSame(await snapshot(fs, item), before);
    },

    'a directory is an id, and no other name is made': async (t, fs) => {
      for (const row of names) {
        const [name] = row;
        const before = await fs.readdir('/');
        const expected = answer(row);
        const code = await codeOf(fs.mkdir(`/${name}`));
        if (/^[0-9]/.test(expected)) {
          t.equal(code, '', `${label(name)} is made`);
          await shows(t, fs, `/${name}/id`, `${expected}\n`);
          await fs.rmdir(`/${name}`);
        } else {
          t.equal(code, expected, `${label(name)} is refused`);
        }
        t.strictSame(await fs.readdir('/'), before, 'and afterwards all is as it was');
      }
    },

    'a name that is not UTF-8 is refused': async (t, fs) => {
      const bad = dialect === 'strict' ? 'ENOMEM' : 'EINVAL';
      const before = await fs.readdir('/');
      for (const length of [1, 85]) {
        const name = Buffer.concat([Buffer.from('/'), Buffer.alloc(length, 0xff)]);
        await refused(t, fs.mkdir(name), bad, `${length} bytes`);
      }
      for (const length of [86, 255]) {
        const name = Buffer.concat([Buffer.from('/'), Buffer.alloc(length, 0xff)]);
        await refused(t, fs.mkdir(name), fs.answers.longInvalidName ?? bad, `${length} bytes`);
      }
      t.strictSame(await fs.readdir('/'), before);
    },

    'tasks takes one pid and nothing else': takesPids('tasks'),
    'threads takes one pid and nothing else': takesPids('threads'),

    ...(dialect === 'strict' && {
      'directories whose names are one id are one beancounter': async (t, fs) => {
        for (const name of ['/1', '/01', '/4294967297']) await makeDirectory(t, fs, name);
        await fs.writeFile('/01/numtasks/limit', '200');
        await shows(t, fs, '/1/numtasks/limit', '200\n');
        await fs.rmdir('/1');
        await shows(t, fs, '/4294967297/numtasks/limit', '200\n');
        await fs.rmdir('/01');
        await fs.mkdir('/1');
        await shows(t, fs, '/1/numtasks/limit', '200\n');
        await fs.rmdir('/4294967297');
        await shows(t, fs, '/1/numtasks/limit', '200\n');
        await makeDirectory(t, fs, '/00');
        await shows(t, fs, '/00/numtasks/limit', UNLIMITED);
        await fs.rmdir('/00');
        await shows(t, fs, '/0/id', '0\n');
      },
    }),

    // Tasks

    'a kernel thread is EINVAL': async (t, fs, item) => {
      const pid = kernelThread();
      if (pid === undefined) {
        t.pass('not here', { skip: 'no kernel thread is to be seen here' });
        return;
      }
      await reap(t, fs);
      const before = await snapshot(fs, '/');
      await refused(t, fs.writeFile(`${item}/tasks`, String(pid)), 'EINVAL', 'tasks');
      await refused(t, fs.writeFile(`${item}/threads`, String(pid)), 'EINVAL', 'threads');
      t.strictSame(await snapshot(fs, '/'), before, 'and nothing has changed');
    },

    'a pid that does not exist is ESRCH': async (t, fs, item) => {
      const gone = await shell(t);
      await gone.end();
      for (const file of ['tasks', 'threads']) {
        await refused(t, fs.writeFile(`${item}/${file}`, String(noPid)), 'ESRCH', file);
        await refused(t, fs.writeFile(`${item}/${file}`, String(gone.pid)), 'ESRCH', `${file}, of the past`);
      }
    },

    'a move recharges nothing': async (t, fs, item) => {
      const { pid } = await shell(t);
      await reap(t, fs);
      await fs.writeFile(`${item}/tasks`, String(pid));
      for (const resource of Object.keys(defaults)) {
        await shows(t, fs, `${item}/${resource}/held`, '0\n');
        await shows(t, fs, `${item}/${resource}/maxheld`, '0\n');
      }
      await shows(t, fs, '/0/numtasks/held', '1\n');
    },

    'tasks moves all threads of a process': async (t, fs, item) => {
      const { pid } = await threaded(t);
      await fs.writeFile(`${item}/tasks`, String(pid));
      const bcs = await fs.execBcs();
      t.ok(bcs.length > 1, 'it has more than one');
      t.strictSame(new Set(bcs), new Set([Number(item.slice(1))]));
      await fs.writeFile('/0/tasks', String(pid));
      t.strictSame(new Set(await fs.execBcs()), new Set([0]), 'and back');
    },

    'threads moves one thread': async (t, fs, item) => {
      const { pid } = await threaded(t);
      const tid = readdirSync(`/proc/${pid}/task`).find((name) => name !== String(pid));
      await fs.writeFile(`${item}/threads`, tid!);
      const bcs = await fs.execBcs();
      t.equal(bcs.filter((id) => id === Number(item.slice(1))).length, 1);
      t.equal(bcs.filter((id) => id === 0).length, bcs.length - 1);
      t.ok(bcs.length > 1);
    },

    // The life of a beancounter

    'a beancounter outlives its directory while a task is in it, and mkdir finds it again': async (
      t,
      fs,
      item,
    ) => {
      const { pid, end } = await shell(t);
      await fs.writeFile(`${item}/numtasks/limit`, '200');
      await fs.writeFile(`${item}/numtasks/barrier`, '150');
      await fs.writeFile(`${item}/tasks`, String(pid));
      await fs.rmdir(item);
      await refused(t, fs.stat(item), 'ENOENT', 'the directory');
      await fs.mkdir(item);
      await shows(t, fs, `${item}/numtasks/limit`, '200\n');
      await shows(t, fs, `${item}/numtasks/barrier`, '150\n');
      await fs.rmdir(item);
      await end();
      await reap(t, fs);
      await fs.mkdir(item);
      await shows(t, fs, `${item}/numtasks/limit`, '128\n');
    },

    'a beancounter that is found again has its counters': async (t, fs, item) => {
      const { pid } = await shell(t);
      const id = Number(item.slice(1));
      await fs.charge(id, 'numfiles', 30);
      await fs.uncharge(id, 'numfiles', 20);
      await refused(t, fs.charge(id, 'numfiles', 1000), 'ENOMEM', 'a charge');
      await fs.writeFile(`${item}/tasks`, String(pid));
      const before = await snapshot(fs, item);
      await fs.rmdir(item);
      await fs.charge(id, 'numfiles', 7);
      await fs.mkdir(item);
      t.strictSame(await snapshot(fs, item), { ...before, [`${item}/numfiles/held`]: '17\n' });
      await fs.uncharge(id, 'numfiles', 17);
    },

    'a beancounter that nothing holds goes with its directory': async (t, fs, item) => {
      await fs.writeFile(`${item}/numtasks/limit`, '200');
      await fs.rmdir(item);
      await fs.mkdir(item);
      await shows(t, fs, `${item}/numtasks/limit`, '128\n');
    },

    // Mistakes of v6

    'many beancounters are each found by their own id': async (t, fs) => {
      const ids = Array.from({ length: 64 }, (_, index) => [
        index + 1,
        (index + 1) * 256,
        (index + 1) * 65536,
      ]);
      const all = [...new Set(ids.flat())].filter((id) => id !== 1001);
      for (const id of all) {
        await makeDirectory(t, fs, `/${id}`);
        await fs.writeFile(`/${id}/privvmpages/barrier`, String(id));
      }
      for (const id of all) {
        const shown = [await fs.readFile(`/${id}/id`), await fs.readFile(`/${id}/privvmpages/barrier`)];
        t.strictSame(shown, [`${id}\n`, `${id}\n`]);
      }
    },

    'echo, with its newline, stores a number': async (t, fs, item) => {
      const code = await codeOf(fs.writeFile(`${item}/numtasks/limit`, '200\n'));
      t.equal(code, dialect === 'strict' ? 'EINVAL' : '', 'but not in v6');
    },
  };
}
