import t from 'tap';
import { hostTree } from '../../lib/cli/host-tree.js';
import { defaultSettings } from '../../lib/cli/mount-options.js';
import { cat, must } from '../fixtures/shelf.js';

t.test('a tree of no live tasks waits for nobody, and nobody can ask it', (t) => {
  const host = hostTree(defaultSettings(), (line) => t.fail(line));
  must(host.tree.mkdir(host.tree.root, '1'));
  host.look();
  t.equal(host.tick(), false);
  t.throws(() => host.answer({ ask: 'status' }), {
    code: 'ENOTSUP',
    message: 'no task is followed: it was mounted with --host none',
  });
  host.close();
  t.equal(cat(host.tree, '/1/id'), '1\n');
  t.end();
});
