import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StateFile } from '../../lib/host/state-file.js';
import { mount, umount } from '../../lib/fuse/native.js';
import { needsFuse } from '../fixtures/mounted.js';
import { recordedRoot } from '../fixtures/recorded-root.js';

/** A file of numbers, of which all that is to be known is `lines`. */
function stateFile(t: Test, path = join(recordedRoot(t, {}), 'state')) {
  const lines: unknown[] = [];
  const log: string[] = [];
  const file = new StateFile<unknown>(
    path,
    () => lines,
    (line) => log.push(line),
  );
  const kept = () => new StateFile<unknown>(path, () => [], t.comment.bind(t)).load();
  return { file, path, lines, log, kept };
}

t.test('what was appended is loaded in its order', (t) => {
  const { file, log, kept, path } = stateFile(t);
  t.strictSame(file.load(), []);
  file.rewrite();
  for (const line of [1, 'two', { three: 3 }]) file.append(line);
  t.strictSame(kept(), [1, 'two', { three: 3 }]);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(log, []);
  t.end();
});

t.test('a line that is not whole is not read', (t) => {
  const { file, path, kept } = stateFile(t);
  file.append(1);
  appendFileSync(path, '{"bc":1,"se');
  t.strictSame(kept(), [1]);
  t.end();
});

t.test('after many changes the file holds only what is to be known', (t) => {
  const { file, path, lines, kept } = stateFile(t);
  lines.push('all', 'there is');
  file.rewrite();
  for (let i = 0; i < 1003; i += 1) file.append(i);
  t.equal(kept().length, 1005);
  lines.push('the last change');
  file.append('the last change');
  t.strictSame(kept(), lines);
  t.notOk(existsSync(`${path}.new`));
  file.append('one more');
  t.strictSame(kept(), [...lines, 'one more']);
  t.end();
});

t.test('its directory is made, not with its parents', (t) => {
  const root = recordedRoot(t, {});
  const made = stateFile(t, join(root, 'run', 'state'));
  made.file.rewrite();
  t.strictSame(made.log, []);
  t.ok(existsSync(made.path));
  const deep = stateFile(t, join(root, 'no', 'such', 'state'));
  deep.file.rewrite();
  t.match(deep.log, [/state: ENOENT.*: a daemon that is killed now forgets what changes$/]);
  t.end();
});

t.test('what cannot be written is said once, and written whole when it can be again', (t) => {
  const root = recordedRoot(t, {});
  const { file, lines, log, kept } = stateFile(t, join(root, 'later', 'below', 'state'));
  for (const line of [1, 2, 3]) {
    lines.push(line);
    file.append(line);
    file.flush();
  }
  t.equal(log.length, 1, log.join('\n'));
  t.strictSame(kept(), []);
  mkdirSync(join(root, 'later'));
  file.flush();
  t.strictSame(kept(), [1, 2, 3]);
  t.equal(log.length, 2);
  t.match(log[1], /state: written again$/);
  file.flush();
  file.append(4);
  t.strictSame(kept(), [1, 2, 3, 4]);
  t.equal(log.length, 2);
  t.end();
});

t.test('a disk that is full loses nothing that was written, nor what is known', needsFuse, (t) => {
  const root = recordedRoot(t, { 'disk/': '' });
  const disk = join(root, 'disk');
  mount('bcfs-test', disk, 'tmpfs', 0, 'size=64k');
  try {
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(32 << 10));
    const { file, log, lines, kept, path } = stateFile(t, join(disk, 'state'));
    const line = (i: number) => ({ i, text: 'x'.repeat(1000) });
    for (let i = 0; log.length === 0 && i < 200; i += 1) {
      lines.push(line(i));
      file.append(line(i));
    }
    t.match(log, [/ENOSPC/]);
    const before = kept();
    t.ok(before.length > 10, `${before.length} lines were written`);
    t.strictSame(before, lines.slice(0, before.length));
    file.append(line(1000));
    t.equal(log.length, 1, 'it is said once');
    t.strictSame(kept(), before, 'what is written anew does not take the place of what was');
    t.notOk(existsSync(`${path}.new`), 'nothing half is left');
    rmSync(ballast);
    lines.splice(0, lines.length, 'few');
    file.flush();
    t.strictSame(kept(), ['few']);
    t.match(log[1], /written again$/);
  } finally {
    umount(disk, 0);
  }
  t.end();
});

t.test('a file that cannot be read is said, and is as none', (t) => {
  const root = recordedRoot(t, { 'state/': '' });
  const { file, log } = stateFile(t, join(root, 'state'));
  t.strictSame(file.load(), []);
  t.match(log, [/EISDIR/]);
  const below = stateFile(t, join(recordedRoot(t, { file: '' }), 'file', 'state'));
  t.strictSame(below.file.load(), []);
  t.strictSame(below.log, [], 'a directory that is none has no file');
  t.end();
});

t.test('it is taken away with what was not finished beside it', (t) => {
  const { file, path } = stateFile(t);
  file.append(1);
  writeFileSync(`${path}.new`, 'half');
  file.remove();
  t.notOk(existsSync(path));
  t.notOk(existsSync(`${path}.new`));
  file.remove();
  t.throws(() => readFileSync(path), { code: 'ENOENT' });
  t.end();
});
