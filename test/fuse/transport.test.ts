import t from 'tap';
import { chosenTransport, transportNames } from '../../lib/fuse/transport.js';

t.test('auto is dev-fuse, and every other choice itself', (t) => {
  t.equal(chosenTransport('auto'), 'dev-fuse');
  for (const name of transportNames) t.equal(chosenTransport(name), name);
  t.end();
});
