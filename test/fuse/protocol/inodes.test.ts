import t from 'tap';
import { Item } from '../../../lib/configfs/item.js';
import { Inodes } from '../../../lib/fuse/protocol/inodes.js';

t.test('the root is known from the start, and never forgotten', (t) => {
  const root = new Item();
  const inodes = new Inodes(root);
  t.equal(inodes.get(1), root);
  t.equal(inodes.size, 1);
  inodes.forget(1, 1);
  inodes.forget(1, 1000);
  t.equal(inodes.get(1), root);
  t.equal(inodes.size, 1);
  t.end();
});

t.test('a node is known until it is forgotten as often as it was given', (t) => {
  const inodes = new Inodes(new Item());
  const node = new Item();
  for (let i = 0; i < 3; i += 1) inodes.give(7, node);
  t.equal(inodes.size, 2);
  inodes.forget(7, 1);
  t.equal(inodes.get(7), node);
  inodes.forget(7, 1);
  t.equal(inodes.get(7), node);
  inodes.forget(7, 1);
  t.equal(inodes.get(7), undefined);
  t.equal(inodes.size, 1);
  inodes.give(7, node);
  inodes.forget(7, 1);
  t.equal(inodes.get(7), undefined, 'it counts anew');
  t.end();
});

t.test('more than it was given, and what was never given, can be forgotten', (t) => {
  const inodes = new Inodes(new Item());
  inodes.give(7, new Item());
  inodes.forget(7, 5);
  inodes.forget(8, 1);
  t.equal(inodes.get(7), undefined);
  t.equal(inodes.size, 1);
  t.end();
});
