import t from 'tap';
import { parseUnsigned } from '../../lib/bc/value.js';

t.test('a number is the whole buffer', (t) => {
  for (const bad of ['', '\n', '12x', '-1', '+1', ' 5', '5 ', '0x10', '1e3', '5\n\n', '1\n2', '٣']) {
    t.equal(parseUnsigned(bad, 'people', 64), undefined, JSON.stringify(bad));
    t.equal(parseUnsigned(bad, 'strict', 64), undefined, JSON.stringify(bad));
  }
  t.end();
});
