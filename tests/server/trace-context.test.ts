import { describe, expect, test } from 'vitest';
import { traceOf, traceparentOf } from '../../src/server/trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('traceOf()', () => {
  test.each([
    [`00-${TRACE}-${PARENT}-01`, '01'],
    [` 00-${TRACE}-${PARENT}-00 `, '00'],
    [`cc-${TRACE}-${PARENT}-01-what-is-to-come`, '01'],
  ])('goes on with %s', (header, flags) => {
    const trace = traceOf(header);
    expect(trace).toMatchObject({ traceId: TRACE, parentId: PARENT, flags });
    expect(traceparentOf(trace)).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[\\da-f]{16}-${flags}$`));
  });

  test.each([
    undefined,
    '',
    ['00-a', '00-b'],
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-0x`,
    'x'.repeat(10_000),
  ])('takes %j for none, and begins one', (header) => {
    const trace = traceOf(header);
    expect(trace.parentId).toBeNull();
    expect(traceparentOf(trace)).toMatch(/^00-(?!0{32})[\da-f]{32}-[\da-f]{16}-00$/);
    expect(trace.traceId).not.toBe(TRACE);
  });
});
