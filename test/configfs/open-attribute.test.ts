import { constants } from 'node:fs';
import t from 'tap';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { at, Box, must, read, Shelf } from '../fixtures/shelf.js';

const { O_RDONLY, O_RDWR, O_WRONLY } = constants;

function makeBox() {
  const tree = new Tree(new Shelf());
  const box = must(tree.mkdir(tree.root, 'a'));
  if (!(box instanceof Box)) throw new Error('no box');
  const open = (name: string, flags: number) => must(tree.open(at(tree, `/a/${name}`), flags));
  return { tree, box, open };
}

t.test('the first read takes the value, and all reads are of that', (t) => {
  const { box, open } = makeBox();
  box.value = 'first value\n';
  const file = open('value', O_RDONLY);
  t.equal(read(file, 0, 5), 'first');
  box.value = 'second, and longer\n';
  t.equal(read(file, 5, 100), ' value\n');
  t.equal(read(file, 0), 'first value\n');
  t.equal(read(file, 11), '\n');
  t.equal(read(file, 12), '');
  t.equal(read(file, 13), '');
  t.equal(read(file, 2 ** 40), '');
  t.equal(read(file, 0, 0), '');
  t.end();
});

t.test('bytes are copied, not characters', (t) => {
  const { box, open } = makeBox();
  box.value = 'é\n';
  const file = open('value', O_RDONLY);
  const buffer = Buffer.alloc(2, '.');
  t.equal(file.read(buffer.subarray(0, 1), 1), 1);
  t.strictSame([...buffer], [0xa9, 0x2e]);
  t.end();
});

t.test('a write gives the store the whole buffer, wherever it starts in its memory', (t) => {
  const { box, open } = makeBox();
  const file = open('value', O_WRONLY);
  t.equal(file.write(Buffer.from('..full\n..').subarray(2, 7)), 5);
  t.equal(box.value, 'full\n');
  t.equal(file.write(new Uint8Array([0x61, 0x0a])), 2);
  t.equal(box.value, 'a\n');
  t.equal(file.write(Buffer.from([0x61, 0, 0xff])), 3);
  t.equal(box.value, 'a\0\ufffd', 'NUL is text, what is not UTF-8 is replaced');
  t.end();
});

t.test('the store sees 4095 bytes at the most', (t) => {
  const { box, open } = makeBox();
  const file = open('value', O_WRONLY);
  t.equal(file.write(Buffer.alloc(4095, 'a')), 4095);
  t.equal(box.value.length, 4095);
  t.equal(file.write(Buffer.alloc(4096, 'b')), 4095);
  t.equal(box.value, 'b'.repeat(4095));
  t.end();
});

t.test('a read after a write takes the value anew, if the store refused it too', (t) => {
  const { box, open } = makeBox();
  const file = open('value', O_RDWR);
  t.equal(read(file), 'empty\n');
  file.write(Buffer.from('full\n'));
  t.equal(read(file), 'full\n');
  box.value = 'changed\n';
  t.equal(read(file), 'full\n');
  t.end();
});

t.test('what is open for one way only is EBADF the other way', (t) => {
  const { box, open } = makeBox();
  t.equal(open('value', O_WRONLY).read(Buffer.alloc(10), 0), -errno.EBADF);
  t.equal(open('fill', O_WRONLY).read(Buffer.alloc(10), 0), -errno.EBADF);
  t.equal(open('value', O_RDONLY).write(Buffer.from('x')), -errno.EBADF);
  t.equal(open('size', O_RDONLY).write(Buffer.from('x')), -errno.EBADF);
  t.equal(box.value, 'empty\n');
  t.end();
});

t.test('open looks at the access mode', (t) => {
  const { tree } = makeBox();
  const table: [name: string, flags: number, answer: string][] = [
    ['value', O_RDONLY, 'opens'],
    ['value', O_WRONLY, 'opens'],
    ['value', O_RDWR, 'opens'],
    ['value', O_WRONLY | constants.O_TRUNC | constants.O_APPEND | constants.O_CREAT, 'opens'],
    ['size', O_RDONLY, 'opens'],
    ['size', O_WRONLY, 'EACCES'],
    ['size', O_RDWR, 'EACCES'],
    ['fill', O_RDONLY, 'EACCES'],
    ['fill', O_WRONLY, 'opens'],
    ['fill', O_RDWR, 'EACCES'],
  ];
  for (const [name, flags, answer] of table) {
    const opened = tree.open(at(tree, `/a/${name}`), flags);
    t.equal(typeof opened === 'number' ? opened : 'opens', answer === 'opens' ? answer : -errno.EACCES);
  }
  t.equal(tree.open(at(tree, '/a'), O_RDONLY), -errno.EISDIR);
  t.end();
});

t.test('a removed item: what was read is read again, all else is ENOENT', (t) => {
  const { tree, box, open } = makeBox();
  const known = open('value', O_RDWR);
  const fresh = open('value', O_RDWR);
  t.equal(read(known, 0, 2), 'em');
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  t.equal(read(known), 'empty\n');
  t.equal(fresh.read(Buffer.alloc(10), 0), -errno.ENOENT);
  t.equal(known.write(Buffer.from('full\n')), -errno.ENOENT);
  t.equal(box.value, 'empty\n', 'nothing is stored');
  t.end();
});
