import { join } from 'node:path';
import t from 'tap';
import { BcfsError } from '../../lib/errors.js';
import {
  asBcfsError,
  field,
  isWritable,
  readNumber,
  readNumberIfThere,
  readText,
  readTextIfThere,
  writeText,
} from '../../lib/host/kernel-files.js';

t.test('text, and numbers at its beginning', (t) => {
  const directory = t.testdir({
    text: 'rss 1\n',
    number: '4096\n',
    bare: '0',
    none: 'max\n',
    empty: '',
    sub: {},
  });
  const at = (name: string) => join(directory, name);
  t.equal(readText(at('text')), 'rss 1\n');
  t.equal(readTextIfThere(at('text')), 'rss 1\n');
  t.equal(readText(at('empty')), '');
  t.equal(readNumber(at('number')), 4096);
  t.equal(readNumberIfThere(at('number')), 4096);
  t.equal(readNumber(at('bare')), 0);
  for (const name of ['none', 'empty'])
    t.throws(() => readNumber(at(name)), { code: 'EIO', message: /not a number/ });
  t.end();
});

t.test('the largest number that the kernel shows is near enough', (t) => {
  const directory = t.testdir({ limit: '9223372036854771712\n' });
  t.equal(readNumber(join(directory, 'limit')), 9223372036854771712);
  t.end();
});

t.test('what is not there, and what cannot be read', (t) => {
  const directory = t.testdir({ sub: {} });
  const none = join(directory, 'none');
  t.equal(readTextIfThere(none), undefined);
  t.equal(readNumberIfThere(none), undefined);
  for (const read of [readText, readNumber])
    t.throws(() => read(none), { name: 'BcfsError', code: 'ENOENT', message: `${none}: No such file` });
  for (const read of [readTextIfThere, readNumberIfThere])
    t.throws(() => read(join(directory, 'sub')), { code: 'EISDIR' });
  t.end();
});

t.test('fields, by their whole name', (t) => {
  const text = 'cache 1\ntotal_rss 2\nrss_huge 3\nrss 4\nbig 9223372036854771712\nlast 5';
  t.equal(field(text, 'cache'), 1);
  t.equal(field(text, 'rss'), 4);
  t.equal(field(text, 'last'), 5);
  t.equal(field(text, 'big'), 9223372036854771712);
  t.equal(field(text, 'huge'), undefined);
  t.equal(field('', 'rss'), undefined);
  t.end();
});

t.test('a write is to a file that is there', (t) => {
  const directory = t.testdir({ max: 'max\n', sub: {} });
  writeText(join(directory, 'max'), '7');
  t.equal(readText(join(directory, 'max')), '7');
  t.throws(() => writeText(join(directory, 'none'), '7'), {
    code: 'ENOENT',
    message: /none: 7: No such file/,
  });
  t.equal(isWritable(directory), true);
  t.equal(isWritable(join(directory, 'none')), false);
  t.end();
});

t.test('errors have the name of their errno', (t) => {
  const codeOf = (code: string | undefined) => asBcfsError(Object.assign(new Error(), { code }), 'it').code;
  t.equal(codeOf('EACCES'), 'EACCES');
  t.equal(codeOf('ENOTSUP'), 'EOPNOTSUPP');
  t.equal(codeOf('ERR_SOMETHING'), 'EIO');
  t.equal(codeOf(undefined), 'EIO');
  const cause = new BcfsError('EBUSY', 'inner');
  t.match(asBcfsError(cause, 'it'), { code: 'EBUSY', message: 'it: Device or resource busy', cause });
  t.end();
});
