import t from 'tap';
import { Tree } from '../../lib/configfs/tree.js';
import { at, must, Shelf } from '../fixtures/shelf.js';

const inode = (tree: Tree, path: string) => must(tree.getattr(at(tree, path))).ino;

t.test('inode numbers are counted from 1, and no two nodes have the same', (t) => {
  const tree = new Tree(new Shelf([['drawer', new Shelf()]]));
  must(tree.mkdir(tree.root, 'a'));
  must(tree.mkdir(tree.root, 'b'));
  const paths = ['/', '/description', '/drawer', '/drawer/description'];
  for (const name of ['a', 'b']) {
    paths.push(`/${name}`, `/${name}/value`, `/${name}/size`, `/${name}/fill`);
  }
  t.strictSame(
    paths.map((path) => inode(tree, path)),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  t.end();
});

t.test('an inode number stays, whatever happens beside it', (t) => {
  const tree = new Tree(new Shelf());
  must(tree.mkdir(tree.root, 'a'));
  const before = [inode(tree, '/'), inode(tree, '/a'), inode(tree, '/a/size')];
  must(tree.mkdir(tree.root, 'b'));
  tree.registerGroup(tree.root, 'c', new Shelf());
  t.equal(tree.rmdir(tree.root, 'b'), 0);
  t.equal(tree.chmod(at(tree, '/a'), 0o700), 0);
  t.strictSame([inode(tree, '/'), inode(tree, '/a'), inode(tree, '/a/size')], before);
  t.end();
});

t.test('a directory that is made again is a new node, and so are its attributes', (t) => {
  const tree = new Tree(new Shelf());
  const seen = new Set<number>();
  for (let round = 0; round < 3; round += 1) {
    must(tree.mkdir(tree.root, 'a'));
    seen.add(inode(tree, '/a')).add(inode(tree, '/a/value'));
    t.equal(tree.rmdir(tree.root, 'a'), 0);
  }
  t.equal(seen.size, 6);
  t.end();
});
