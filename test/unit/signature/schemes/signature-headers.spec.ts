import { describe, expect, it } from '@jest/globals';
import {
  checkTimestamp,
  entriesOf,
  signatureHeader,
  signatureHeaders,
} from '../../../../src/signature/schemes/signature-headers.js';
import { faultOf } from '../../../support/faults.js';

const HEADERS = {
  'webhook-id': 'msg_1',
  'webhook-timestamp': '1700000000',
  'webhook-signature': 'v1,AAAA',
};

describe('signatureHeaders', () => {
  it('returns the three headers as sent', () => {
    expect(signatureHeaders(HEADERS)).toEqual({
      id: 'msg_1',
      timestamp: '1700000000',
      signature: 'v1,AAAA',
    });
  });

  it.each(Object.keys(HEADERS))('needs %s', async (name) => {
    const { [name]: _, ...others } = { ...HEADERS } as Record<string, string>;
    expect(await faultOf(() => signatureHeaders(others))).toBe('header-missing');
    const empty = { ...HEADERS, [name]: '' };
    expect(await faultOf(() => signatureHeaders(empty))).toBe('header-missing');
  });

  it.each(['!', '~'.repeat(256), 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', 'a:b/c-d_e'])(
    'accepts the id %s',
    (id) => {
      expect(signatureHeaders({ ...HEADERS, 'webhook-id': id }).id).toBe(id);
    },
  );

  it.each(['a.b', 'a,b', 'a b', ' a', 'ü', '\u007f', 'a\tb', 'x'.repeat(257)])(
    'refuses the id %j',
    async (id) => {
      const headers = { ...HEADERS, 'webhook-id': id };
      expect(await faultOf(() => signatureHeaders(headers))).toBe('header-malformed');
    },
  );

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '1.0',
    '1e3',
    '0x1',
    '١٢',
    '1\n',
    '1234567890123',
  ])('refuses the timestamp %j', async (timestamp) => {
    const headers = { ...HEADERS, 'webhook-timestamp': timestamp };
    expect(await faultOf(() => signatureHeaders(headers))).toMatch(/^header-/);
  });

  it('refuses a signature header that is too long', async () => {
    const long = { ...HEADERS, 'webhook-signature': 'x'.repeat(4097) };
    expect(await faultOf(() => signatureHeaders(long))).toBe('header-malformed');
    expect(signatureHeader(long, 5000)).toHaveLength(4097);
  });

  it('refuses a header that Node gives as a list', async () => {
    for (const name of Object.keys(HEADERS)) {
      const list = { ...HEADERS, [name]: ['a', 'b'] };
      expect(await faultOf(() => signatureHeaders(list))).toMatch(/^header-/);
    }
  });
});

const copies = (count: number) =>
  Array.from({ length: count }, () => 'v1,AAAA').join(' ');

describe('entriesOf', () => {
  it('returns the entries of the version and ignores the others', () => {
    expect(entriesOf('v1,AAAA v1a,BBBB v2,CC v1,DDD=', 'v1')).toEqual(['AAAA', 'DDD=']);
    expect(entriesOf('v1,AAAA v1a,BBBB', 'v1a')).toEqual(['BBBB']);
  });

  it('throws signature-mismatch without an entry of the version', async () => {
    for (const header of ['v1a,AAAA v2,BBBB', 'V1,AAAA']) {
      expect(await faultOf(() => entriesOf(header, 'v1'))).toBe('signature-mismatch');
    }
  });

  it.each([
    ['v1,AAAA,v1,BBBB', ['AAAA']],
    ['v1,AAAA, v1,BBBB', ['AAAA', 'BBBB']],
    ['v1,AAAA  v1,BBBB', ['AAAA', 'BBBB']],
    [' v1,AAAA ', ['AAAA']],
    ['v1=AAAA v1,BBBB', ['BBBB']],
    ['v1,AA.AA v1, v1,BBBB', ['BBBB']],
    ['scheme-of-2027;a=b,AAAA v1,BBBB', ['BBBB']],
  ])('skips what it does not know in %j', (header, found) => {
    expect(entriesOf(header, 'v1')).toEqual(found);
  });

  it.each([
    '',
    ' ',
    'v1',
    'v1,',
    ',AAAA',
    'AAAA',
    'v1, AAAA',
    'v1,AA.AA',
    'v1,====',
    'v1,AAAA===',
    `v1,${'A'.repeat(1025)}`,
    'eyJhbGciOiJub25lIn0.e30.AAAA',
  ])('refuses %j', async (header) => {
    expect(await faultOf(() => entriesOf(header, 'v1'))).toBe('header-malformed');
  });

  it('accepts 64 entries and refuses 65', async () => {
    expect(entriesOf(copies(64), 'v1')).toHaveLength(64);
    expect(await faultOf(() => entriesOf(copies(65), 'v1'))).toBe('header-malformed');
    expect(await faultOf(() => entriesOf(copies(10_000), 'v1'))).toBe('header-malformed');
  });
});

describe('checkTimestamp', () => {
  const NOW_MS = 1_700_000_000_000;

  it.each([0, -300, 300, -299.5, 299.5])('accepts a difference of %d s', (off) => {
    expect(() => checkTimestamp('1700000000', NOW_MS + off * 1000)).not.toThrow();
  });

  it.each([-301, 301, 86_400, -86_400])('refuses a difference of %d s', async (off) => {
    const check = () => checkTimestamp('1700000000', NOW_MS + off * 1000);
    expect(await faultOf(check)).toBe('timestamp-stale');
  });

  it('refuses milliseconds instead of seconds', async () => {
    expect(await faultOf(() => checkTimestamp('170000000000', NOW_MS))).toBe(
      'timestamp-stale',
    );
  });
});
