import t from 'tap';
import { readTask, residentPagesOf, startOf, threadsOf } from '../../lib/host/task-info.js';
import { noPid } from '../fixtures/processes.js';

t.test('of a process that has ended nothing is told', (t) => {
  t.strictSame(threadsOf('/proc', noPid), []);
  t.equal(startOf('/proc', noPid, noPid), undefined);
  t.equal(readTask('/proc', noPid), undefined);
  t.equal(residentPagesOf('/proc', noPid), 0);
  t.end();
});
