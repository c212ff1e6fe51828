import { constants, getPriority } from 'node:os';
import t from 'tap';
import { comeFirst } from '../../lib/cli/priority.js';
import { needsFuse } from '../fixtures/mounted.js';

// Root's, as a mount is.
t.test('a thread comes first, and as others do again', needsFuse, (t) => {
  t.teardown(() => comeFirst(false, false));
  comeFirst(false, true);
  t.equal(getPriority(), constants.priority.PRIORITY_HIGH);
  comeFirst(false, false);
  t.equal(getPriority(), constants.priority.PRIORITY_NORMAL);
  t.end();
});
