import t from 'tap';
import { MAXHELD, MAXVALUE, parseUnsigned, printValue, toValue } from '../../lib/bc/value.js';

t.test('unlimited is LONG_MAX of a 64-bit kernel', (t) => {
  t.equal(MAXVALUE, 9223372036854775807n);
  t.equal(MAXHELD, 9007199254740991);
  t.end();
});

t.test('a number is the whole buffer', (t) => {
  const bad = [
    '',
    '\n',
    '12x',
    '-1',
    '+1',
    ' 5',
    '5 ',
    '0x10',
    '1e3',
    '1.5',
    '5\n\n',
    '\n5',
    '1\n2',
    '5\0',
    '٣',
  ];
  for (const text of bad) {
    t.equal(parseUnsigned(text, 'people', 64), undefined, JSON.stringify(text));
    t.equal(parseUnsigned(text, 'strict', 64), undefined, JSON.stringify(text));
  }
  t.end();
});

t.test('digits are one decimal number, leading zeros too', (t) => {
  const good: readonly (readonly [string, bigint])[] = [
    ['0', 0n],
    ['007', 7n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['18446744073709551615', 2n ** 64n - 1n],
  ];
  for (const [text, value] of good) {
    t.equal(parseUnsigned(text, 'people', 64), value, text);
    t.equal(parseUnsigned(text, 'strict', 64), value, text);
  }
  t.end();
});

t.test('one trailing newline is ignored for people and refused by the letter of v6', (t) => {
  t.equal(parseUnsigned('128\n', 'people', 64), 128n);
  t.equal(parseUnsigned('128\n', 'strict', 64), undefined);
  t.end();
});

t.test('a number that does not fit is refused for people and wraps by the letter of v6', (t) => {
  const large: readonly (readonly [string, number, bigint])[] = [
    ['18446744073709551616', 64, 0n],
    ['18446744073709551617', 64, 1n],
    ['4294967296', 32, 0n],
    ['4294967301', 32, 5n],
    ['1'.repeat(20_000), 64, BigInt.asUintN(64, BigInt('1'.repeat(20_000)))],
  ];
  for (const [text, bits, wrapped] of large) {
    t.equal(parseUnsigned(text, 'people', bits), undefined, text.slice(0, 30));
    t.equal(parseUnsigned(text, 'strict', bits), wrapped, text.slice(0, 30));
  }
  t.equal(parseUnsigned('4294967295', 'people', 32), 4294967295n);
  t.end();
});

t.test('a value is printed in decimal, exact, with a newline', (t) => {
  t.equal(printValue(0), '0\n');
  t.equal(printValue(MAXHELD), '9007199254740991\n');
  t.equal(printValue(MAXVALUE), '9223372036854775807\n');
  t.end();
});

t.test('a parameter is a bigint or a safe integer, not below zero', (t) => {
  t.equal(toValue(0), 0n);
  t.equal(toValue(-0), 0n);
  t.equal(toValue(MAXHELD), 9007199254740991n);
  t.equal(toValue(2n ** 65n), 2n ** 65n);
  for (const bad of [NaN, Infinity, -1, -1n, 0.5, 2 ** 53]) {
    t.throws(() => toValue(bad), { code: 'EINVAL' }, String(bad));
  }
  t.end();
});
