import { constants } from 'node:os';
import koffi from 'koffi';
import t from 'tap';
import { BcfsError, errno, errnoName, isErrno, strerror, type ErrnoName } from '../lib/errors.js';

const names = Object.keys(errno) as ErrnoName[];

t.test('the numbers are the ones of this system', (t) => {
  for (const name of names) t.equal(errno[name], constants.errno[name], name);
  t.end();
});

t.test('the words are the ones of the C library', (t) => {
  const libc = koffi.load('libc.so.6');
  const call = libc.func('const char *strerror(int number)') as (number: number) => string;
  for (const name of names) t.equal(strerror(name), call(errno[name]), name);
  t.end();
});

t.test('every errno of this system is there', (t) => {
  t.strictSame([...names].sort(), Object.keys(constants.errno).sort());
  t.end();
});

t.test('a number of either sign has its name', (t) => {
  for (const name of names) {
    if (name === 'EWOULDBLOCK' || name === 'ENOTSUP') continue;
    t.equal(errnoName(errno[name]), name);
    t.equal(errnoName(-errno[name]), name);
  }
  t.end();
});

t.test('of two names of a number, it goes by one', (t) => {
  t.equal(errnoName(11), 'EAGAIN');
  t.equal(errno.EWOULDBLOCK, 11);
  t.equal(errnoName(95), 'EOPNOTSUPP');
  t.equal(errno.ENOTSUP, 95);
  t.end();
});

t.test('a number that is not in the table is EIO', (t) => {
  for (const number of [0, 41, -41, 511, NaN]) t.equal(errnoName(number), 'EIO', String(number));
  t.end();
});

t.test('an errno is a negative number', (t) => {
  t.equal(isErrno(-1), true);
  t.equal(isErrno(-errno.ENOENT), true);
  for (const value of [0, -0, 1, NaN, '-1', -1n, null, undefined, [], {}, true]) {
    t.equal(isErrno(value), false);
  }
  t.end();
});

t.test('a BcfsError has a code, the errno that goes with it, and a cause', (t) => {
  const cause = new Error('why');
  const error = new BcfsError('ENOMEM', 'it is full', { cause });
  t.ok(error instanceof Error);
  t.equal(error.name, 'BcfsError');
  t.equal(error.code, 'ENOMEM');
  t.equal(error.errno, -12);
  t.equal(error.message, 'it is full');
  t.equal(error.cause, cause);
  t.equal(new BcfsError('EIO', '').cause, undefined);
  t.end();
});
