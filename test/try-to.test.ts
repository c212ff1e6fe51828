import t from 'tap';
import { tryTo } from '../lib/try-to.js';

t.test('what is tried is done, and what it throws stops nobody', (t) => {
  const done: string[] = [];
  tryTo(() => {
    done.push('this');
  });
  tryTo(() => {
    done.push('a part');
    throw new Error('refused');
  });
  t.strictSame(done, ['this', 'a part']);
  t.end();
});
