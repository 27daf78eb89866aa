/** Real sockets: what a receiver gets, and what is lost where there is none, or one that refuses, or says nothing. */
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { otlpTarget } from '../../../src/adapters/traces/otlp-target.js';
import type { Span } from '../../../src/adapters/traces/span.js';
import { SpanExporter } from '../../../src/adapters/traces/span-exporter.js';
import { until } from '../../support/daemon.js';
import { type OtlpReceiver, startReceiver } from '../../support/otlp-receiver.js';

const receivers: OtlpReceiver[] = [];
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
});

async function receiver(behaviour?: string): Promise<OtlpReceiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

function exporterTo(endpoint: string): { readonly exporter: SpanExporter; readonly said: string[] } {
  const said: string[] = [];
  const target = otlpTarget(endpoint, { OTEL_EXPORTER_OTLP_HEADERS: 'x-team=one' })!;
  return {
    exporter: new SpanExporter({ target, resource: { 'service.name': 'test' }, version: '1', log: (line) => said.push(line) }),
    said,
  };
}

const span = (number: number): Span => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: number.toString(16).padStart(16, '0'),
  parentId: null,
  isParentRemote: false,
  name: `span-${number}`,
  kind: 'internal',
  startMs: 1,
  endMs: 2,
  attributes: { number },
  events: [],
  error: null,
});
const add = (exporter: SpanExporter, count: number, from = 1): void => {
  for (let i = 0; i < count; i++) exporter.add(span(from + i));
};
const never = (): AbortSignal => new AbortController().signal;
const lostIn = (said: readonly string[]): number => said.reduce((sum, line) => sum + Number(/(\d+) spans/.exec(line)?.[1]), 0);

test('all spans arrive once, in batches, with the headers that were asked for', async () => {
  const { requests, spans, endpoint } = await receiver();
  const { exporter, said } = exporterTo(endpoint);
  add(exporter, 600);
  await exporter.close(never());
  expect(spans().map(({ name }) => name)).toEqual(Array.from({ length: 600 }, (_, i) => `span-${i + 1}`));
  expect(requests().length).toBe(3); // of 256
  expect(requests()[0]).toMatchObject({
    url: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf', 'x-team': 'one' },
    resource: { 'service.name': 'test' },
  });
  expect(said).toEqual([]);
});

test('a few spans are sent by themselves, after a moment', async () => {
  const { spans, endpoint } = await receiver();
  const { exporter, said } = exporterTo(endpoint);
  add(exporter, 2);
  const arrived = await until(spans, ({ length }) => length === 2);
  expect([arrived.map(({ name }) => name), said]).toEqual([['span-1', 'span-2'], []]);
  await exporter.close(never());
});

test('what a receiver refuses for good is not tried again, and lost with one line, however much that is', async () => {
  const { requests, endpoint } = await receiver('401');
  const { exporter, said } = exporterTo(endpoint);
  add(exporter, 1_000);
  await exporter.close(never());
  expect(requests().length).toBe(4);
  expect(said[0]).toBe(`[traces] 256 spans for ${endpoint} were lost: it answered 401`);
  expect(said.length).toBe(2); // the rest is said when it ends
  expect(lostIn(said)).toBe(1_000);
});

test('a receiver that is busy is tried again, and when it goes on so the spans are lost', async () => {
  const { requests, endpoint } = await receiver('503');
  const { exporter, said } = exporterTo(endpoint);
  add(exporter, 3);
  await exporter.close(never());
  expect(requests().map(({ spans }) => spans.length)).toEqual([3, 3, 3]);
  expect(said).toEqual([`[traces] 3 spans for ${endpoint} were lost: it answered 503`]);
});

test('one that comes back gets what waited for it', async () => {
  const first = await startReceiver();
  await first.stop();
  const { exporter, said } = exporterTo(first.endpoint);
  add(exporter, 300); // the first batch is refused at once
  const again = await startReceiver('ok', first.port);
  receivers.push(again);
  await exporter.close(never());
  expect([again.spans().length, said]).toEqual([300, []]);
});

test('where nobody answers no more than so many wait, the rest is lost, and closing ends with its deadline', async () => {
  const { requests, endpoint } = await receiver('hang');
  const { exporter, said } = exporterTo(endpoint);
  add(exporter, 5_000);
  await until(requests, ({ length }) => length === 1);
  const deadline = new AbortController();
  const closing = exporter.close(deadline.signal);
  deadline.abort();
  await closing;
  expect(requests().length).toBe(1);
  expect(said[0]).toMatch(/^\[traces\] 1 spans for .* were lost: 2048 were waiting already$/);
  expect(said.length).toBe(2);
  expect(lostIn(said)).toBe(5_000);
});

test('what is no receiver at all is said to be none', async () => {
  const server = createServer((socket) => socket.end('this is not HTTP\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { exporter, said } = exporterTo(`http://127.0.0.1:${port}`);
  add(exporter, 1);
  await exporter.close(never());
  expect([said.length, lostIn(said)]).toEqual([1, 1]);
  server.close();
});
