import fs, { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { lockGroups } from '../../lib/cli/groups-lock.js';
import { lock } from '../../lib/fuse/native.js';
import { run } from '../fixtures/command.js';
import { recordedRoot } from '../fixtures/recorded-root.js';

t.test('whoever comes later is told who has the groups', (t) => {
  const directory = join(recordedRoot(t, {}), 'bcfs');
  lockGroups(directory, 'mine', '/bc (pid 12)');
  t.throws(() => lockGroups(directory, 'mine', '/other (pid 13)'), {
    code: 'EBUSY',
    message: 'the groups "mine" are those of the bcfs on /bc (pid 12); take others with: -o cgroup=NAME',
  });
  t.equal(readFileSync(join(directory, 'mine.lock'), 'utf8'), '/bc (pid 12)\n');
  lockGroups(directory, 'others', '/other (pid 13)');
  t.end();
});

t.test('the groups of one that has ended are free, and its name is forgotten', async (t) => {
  const directory = recordedRoot(t, {});
  const module = new URL('../../lib/cli/groups-lock.js', import.meta.url).href;
  const script = `
    const { lockGroups } = await import(${JSON.stringify(module)});
    lockGroups(${JSON.stringify(directory)}, 'mine', '/a/long/mountpoint (pid 1234567)');
    process.kill(process.pid, 'SIGKILL');`;
  await run(process.execPath, ['--input-type=module', '-e', script]);
  t.match(readFileSync(join(directory, 'mine.lock'), 'utf8'), /long/);
  lockGroups(directory, 'mine', '/bc');
  t.equal(readFileSync(join(directory, 'mine.lock'), 'utf8'), '/bc\n');
  t.end();
});

t.test('a lock that somebody else gives back is taken', (t) => {
  const directory = recordedRoot(t, { 'mine.lock': 'somebody\n' });
  const fd = openSync(join(directory, 'mine.lock'), 'a');
  t.ok(lock(fd));
  t.throws(() => lockGroups(directory, 'mine', '/bc'), { code: 'EBUSY', message: /on somebody;/ });
  closeSync(fd);
  lockGroups(directory, 'mine', '/bc');
  t.end();
});

t.test('where no file can be made, the reason is told', (t) => {
  const root = recordedRoot(t, {});
  writeFileSync(join(root, 'file'), '');
  t.throws(() => lockGroups(join(root, 'file'), 'mine', '/bc'), { code: 'EEXIST' });
  t.throws(() => lockGroups(join(root, 'file', 'below'), 'mine', '/bc'), { code: 'ENOTDIR' });
  t.throws(() => lockGroups('/proc/no/such', 'mine', '/bc'), { code: 'ENOENT' });
  t.end();
});

t.test('a lock whose file is taken away meanwhile is nobody’s', (t) => {
  const directory = recordedRoot(t, { 'mine.lock': 'before\n' });
  const path = join(directory, 'mine.lock');
  const before = Object.getOwnPropertyDescriptor(fs, 'statSync')!;
  t.teardown(() => {
    Object.defineProperty(fs, 'statSync', before);
    syncBuiltinESMExports();
  });
  let looked = 0;
  Object.assign(fs, {
    statSync: (...args: Parameters<typeof fs.statSync>): unknown => {
      if (args[0] === path && (looked += 1) === 1) rmSync(path);
      return Reflect.apply(before.value as typeof fs.statSync, fs, args);
    },
  });
  syncBuiltinESMExports();
  lockGroups(directory, 'mine', '/bc');
  t.equal(looked, 2);
  t.equal(readFileSync(path, 'utf8'), '/bc\n');
  t.throws(() => lockGroups(directory, 'mine', '/other'), { code: 'EBUSY' });
  t.end();
});
