import { expect, test } from 'vitest';
import { encodeSpans } from '../../../src/adapters/traces/encode-spans.js';
import type { Span } from '../../../src/adapters/traces/span.js';

const SPAN: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  isParentRemote: true,
  name: 'request',
  kind: 'server',
  startMs: 1_800_000_000_000.25,
  endMs: 1_800_000_000_001.5,
  attributes: { 'http.route': '/ü', count: 300, large: 2 ** 40, share: 0.5, yes: true, reasons: ['stop', 'length'] },
  events: [{ name: 'loading', atMs: 1_800_000_000_001 }],
  error: 'internal',
};

/** What @opentelemetry/otlp-transformer 0.223 makes of it, without the fields that are 0 there and need not be sent. */
const BYTES = [
  '0a97020a1c0a1a0a0c736572766963652e6e616d65120a0a0873656d616e74696312f6010a110a0873656d616e7469631205312e322e3312e0010a100af7651916cd43dd',
  '8448eb211c80319c1208b7ad6b7169203331220800f067aa0ba902b72a077265717565737430023990d0b79376e2fa184160e3ca9376e2fa184a130a0a687474702e726f',
  '75746512050a032fc3bc4a0c0a05636f756e74120318ac024a100a056c617267651207188080808080204a120a057368617265120921000000000000e03f4a090a0379657',
  '3120210014a1f0a07726561736f6e7312142a120a060a0473746f700a080a066c656e6774685a12094042c39376e2fa1812076c6f6164696e677a0c1208696e7465726e61',
  '6c1802850101030000',
].join('');

test('spans have the bytes that the serializer of OpenTelemetry for JavaScript gives them', () => {
  const bytes = encodeSpans([SPAN], { 'service.name': 'semantic' }, '1.2.3');
  expect(Buffer.from(bytes).toString('hex')).toBe(BYTES);
});

test('of no span there is a request without spans, and a span may lack a parent, attributes and an error', () => {
  const bare: Span = { ...SPAN, parentId: null, isParentRemote: false, kind: 'internal', attributes: {}, events: [], error: null };
  expect(encodeSpans([], {}, '1').length).toBeLessThan(encodeSpans([bare], {}, '1').length);
  expect(Buffer.from(encodeSpans([bare], {}, '1')).toString('hex')).toMatch(/8501010{0}01010000$|850101010000$/);
});
