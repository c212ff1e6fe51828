import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, run, TIME_LIMIT } from '../fixtures/command.js';
import { needsFuse } from '../fixtures/mounted.js';
import { program } from '../fixtures/program.js';

const ENOENT = -2;
/** Node has no name for it. */
const ESTALE = -116;

const beancounters = 'const registry = new Registry(); const tree = beancounterTree(registry);';

/** Polls until something is so: a notification is written a moment after the change. */
async function soon(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const start = Date.now(); !(await isSo()); await delay(2)) {
    if (Date.now() - start > TIME_LIMIT) throw new Error(`waited in vain until ${what}`);
  }
}

type Requests = Readonly<Record<string, number>>;
const sum = (requests: Requests) => Object.values(requests).reduce((all, count) => all + count, 0);
const since = (before: Requests, now: Requests): Requests =>
  Object.fromEntries(Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)]));

/** The errno that something is refused with; 0 if it is not. */
async function refusal(promise: Promise<unknown>): Promise<number | undefined> {
  try {
    await promise;
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno;
  }
}

async function isThere(path: string): Promise<boolean> {
  const errno = await refusal(stat(path));
  if (errno !== 0 && errno !== ENOENT) throw new Error(`${path}: ${String(errno)}`);
  return errno === 0;
}

/** Three listings of a thousand beancounters take a while on a busy machine. */
t.setTimeout(6 * TIME_LIMIT);

/**
 * After it has asked for a listing, the kernel takes the directory's access time for changed, and asks for it when
 * somebody next wants that one: ls -R does, once for each directory.
 */
t.test(
  'ls -lR of 1,000 beancounters costs a handful of requests once it was listed',
  needsFuse,
  async (t) => {
    const {
      mountpoints: [directory],
      run: tell,
      requests,
    } = await program(t, beancounters);
    await tell('void (() => { for (let i = 1; i <= 1000; i += 1) tree.mkdir(tree.root, String(i)); })()');
    const list = () => run('ls', ['-lR', directory!]);
    const first = await list();
    t.equal(first.code, 0);
    const cold = await requests();
    t.ok(Number(cold['READDIRPLUS']) > 7000, 'every directory is asked for the first time');
    await list();
    const { GETATTR: asked = 0, ...others } = since(cold, await requests());
    t.ok(asked <= 8000, `${asked} access times the second time`);
    t.ok(sum(others) < 100, `${sum(others)} other requests`);
    const warm = await requests();
    const again = await list();
    const cost = sum(since(warm, await requests()));
    t.ok(cost < 100, `${cost} requests from then on`);
    t.equal(again.stdout, first.stdout);
    await mkdir(`${directory}/1001`);
    await rmdir(`${directory}/500`);
    const before = await requests();
    const changed = await list();
    const more = sum(since(before, await requests()));
    t.ok(more < 200, `${more} when something has changed`);
    t.match(changed.stdout, `${directory}/1001:`);
    t.notMatch(changed.stdout, `${directory}/500:`);
  },
);

t.test('what a program does to its tree is seen at once', needsFuse, async (t) => {
  const {
    mountpoints: [directory],
    run: tell,
  } = await program(t, beancounters);
  const names = async () => (await readdir(directory!)).sort().join();
  const see = async () => {
    await names();
    for (const name of await readdir(directory!)) {
      const path = `${directory}/${name}`;
      if ((await lstat(path)).isDirectory()) await readdir(path);
    }
  };
  await see();
  t.equal(await isThere(`${directory}/7`), false, 'a name that is not there');
  await tell(`tree.mkdir(tree.root, '7') instanceof Item`);
  t.equal(await isThere(`${directory}/7`), true, 'comes');
  await soon('it is listed', async () => (await names()) === '0,7,description');
  t.equal((await stat(directory!)).nlink, 4);
  await see();
  t.equal(await readFile(`${directory}/7/id`, 'utf8'), '7\n');

  const { ino } = await stat(`${directory}/7`);
  await tell(`tree.rmdir(tree.root, '7')`);
  await soon('it has gone', async () => !(await isThere(`${directory}/7`)));
  await soon('it is listed no more', async () => (await names()) === '0,description');
  await t.rejects(readFile(`${directory}/7/id`), { code: 'ENOENT' });
  await t.rejects(rmdir(`${directory}/7`), { code: 'ENOENT' });
  await t.rejects(readdir(`${directory}/7`), { code: 'ENOENT' });
  t.equal((await stat(directory!)).nlink, 3);
  await mkdir(`${directory}/7`);
  t.not((await stat(`${directory}/7`)).ino, ino);

  await see();
  const { ino: before } = await stat(`${directory}/7`);
  await tell(`tree.rmdir(tree.root, '7') || tree.mkdir(tree.root, '7') instanceof Item`);
  await soon('it is another one', async () => (await stat(`${directory}/7`)).ino !== before);
  t.equal(await readFile(`${directory}/7/id`, 'utf8'), '7\n');

  await see();
  await tell(`tree.chmod(tree.resolve('/7/id'), 0o400)`);
  await soon('its mode has changed', async () => ((await stat(`${directory}/7/id`)).mode & 0o777) === 0o400);
  await tell(`registry.register({ name: 'widgets', unit: 'items' })`);
  await soon('a resource is registered', async () => (await readdir(`${directory}/7`)).includes('widgets'));
});

t.test('what is in a directory that a program removes is gone for who is in it', needsFuse, async (t) => {
  const {
    mountpoints: [directory],
    run: tell,
  } = await program(t, beancounters);
  await mkdir(`${directory}/7`);
  const inside = await open(`${directory}/7/numtasks`, constants.O_DIRECTORY);
  t.teardown(() => inside.close());
  const here = `/proc/self/fd/${inside.fd}`;
  await stat(`${here}/limit`);
  await tell(`tree.rmdir(tree.root, '7')`);
  await soon('it has gone', async () => !(await isThere(`${directory}/7`)));
  await soon('its files have gone', async () => (await refusal(stat(`${here}/limit`))) === ESTALE);
  t.equal(await refusal(writeFile(`${here}/limit`, '1')), ESTALE);
});

t.test('what is done on one mount of a tree is seen on the other', needsFuse, async (t) => {
  const {
    mountpoints: [one, two],
  } = await program(t, beancounters, 2);
  const names = async (directory: string) => (await readdir(directory)).sort().join();
  for (const directory of [one!, two!]) t.equal(await names(directory), '0,description');
  await mkdir(`${one}/7`);
  await soon('it has come', async () => (await names(two!)) === '0,7,description');
  t.equal((await stat(two!)).nlink, 4);
  await stat(`${two}/7/id`);
  await chmod(`${one}/7/id`, 0o400);
  await soon('its mode has changed', async () => ((await stat(`${two}/7/id`)).mode & 0o777) === 0o400);
  await rmdir(`${two}/7`);
  await soon('it has gone', async () => !(await isThere(`${one}/7`)));
  await soon('it is listed no more', async () => (await names(one!)) === '0,description');
  await mkdir(`${one}/7`);
  await mkdir(`${two}/8`);
  await soon('all are everywhere', async () => (await names(one!)) === '0,7,8,description');
  await soon('all are everywhere', async () => (await names(two!)) === '0,7,8,description');
});

t.test('values are never cached', needsFuse, async (t) => {
  const {
    mountpoints: [directory],
    run: tell,
  } = await program(t, beancounters);
  await mkdir(`${directory}/7`);
  const held = () => readFile(`${directory}/7/numtasks/held`, 'utf8');
  for (let i = 1; i <= 5; i += 1) {
    await tell(`registry.find(7).counter(bcfs.numtasks).tryCharge(1, 0)`);
    t.equal(await held(), `${i}\n`);
  }
});

t.test('clients that make and remove on two mounts of one tree at once do not hang', needsFuse, async (t) => {
  const {
    mountpoints: [one, two],
    run: tell,
    end,
  } = await program(t, `${beancounters} let timer;`, 2);
  const client = (directory: string, id: number) =>
    bash(`
      cd "${directory}"
      while [ $SECONDS -lt 4 ]; do
        mkdir ${id} && [ "$(< ${id}/id)" = ${id} ] && ls . > /dev/null && rmdir ${id} || exit 1
        # One that all of them, on both mounts, and the program want.
        mkdir 99 2> /dev/null; stat 99/id > /dev/null 2>&1; ls -l 99 > /dev/null 2>&1; rmdir 99 2> /dev/null
      done
      true
    `);
  const clients = [1, 2, 3].flatMap((id) => [client(one!, id), client(two!, id + 10)]);
  await tell(`void (timer = setInterval(() => {
    if (!(tree.mkdir(tree.root, '99') instanceof Item)) tree.rmdir(tree.root, '99');
  }, 1))`);
  const outcomes = await Promise.all(clients);
  await tell('clearInterval(timer)');
  for (const { code, stderr } of outcomes) t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  await tell(`tree.rmdir(tree.root, '99')`);
  for (const directory of [one!, two!]) {
    await soon('both are as they were', async () => (await readdir(directory)).length === 2);
    t.equal(await isThere(`${directory}/99`), false);
    await mkdir(`${directory}/99`);
    t.equal(await readFile(`${directory}/99/id`, 'utf8'), '99\n');
    await rmdir(`${directory}/99`);
  }
  t.equal(await end(), '');
});
