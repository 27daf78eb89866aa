/** POST /v1/embeddings with a model that writes text: the one in memory, as a client asks for it. What its states are is in tests/parity/hidden.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDaemon, startDaemon } from '../../support/daemon.js';
import { STARTER_MODEL } from '../../support/starter-model.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_MODEL_CONTEXT: '2048' });
}, 60_000);
afterAll(() => daemon.stop());

const WIDTH = 576;

async function embed(input: unknown, more: object = {}): Promise<readonly (readonly number[])[]> {
  const reply = await post({ input, ...more });
  expect(reply.status).toBe(200);
  const { data } = (await reply.json()) as { data: { embedding: number[] }[] };
  return data.map(({ embedding }) => embedding);
}
const post = (body: object, init: RequestInit = {}): Promise<Response> =>
  fetch(`${daemon.summary.address}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ model: STARTER_MODEL, ...body }), ...init });

const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

describe('a decoder in memory', () => {
  it('gives unit vectors, the same for a text in whatever company, and nearer for texts that say nearly the same', async () => {
    const [alone] = await embed('The cat sits on the mat.');
    const many = Array.from({ length: 100 }, (_, i) => `Number ${i} of a hundred, ${'more words '.repeat(i % 7)}`);
    const all = await embed(['The cat sits on the mat.', 'A cat is sitting on a mat.', 'Interest rates were raised again.', ...many]);
    expect(all).toHaveLength(103);
    for (const vector of all) {
      expect(vector).toHaveLength(WIDTH);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
    expect(all[0]).toEqual(alone);
    expect(cosine(all[0]!, all[1]!)).toBeGreaterThan(cosine(all[0]!, all[2]!));
  });

  it('reads ids, cuts dimensions and counts tokens', async () => {
    const reply = await daemon.openai.embeddings.create({ model: STARTER_MODEL, input: [504, 2644, 10_000], dimensions: 64 });
    expect(reply.data[0]!.embedding).toHaveLength(64);
    expect(reply.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    expect(reply.model).toBe(STARTER_MODEL);
  });

  it('takes what its context holds, in chunks, and refuses or cuts one token more', async () => {
    const ids = Array.from({ length: 2047 }, (_, i) => 1000 + i);
    const [most] = await embed(ids);
    const longer = [...ids, 5000];
    const refused = await post({ input: longer });
    expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([400, 'context_length_exceeded']);
    expect(await embed(longer, { truncate: true })).toEqual([most]);
  });

  it('leaves nothing behind, also where the client goes away', async () => {
    const gone = new AbortController();
    const before = (await daemon.status()).native.steps;
    const long = post({ input: Array.from({ length: 500 }, (_, i) => `${i} ${'word '.repeat(300)}`) }, { signal: gone.signal });
    long.catch(() => undefined);
    while ((await daemon.status()).native.steps < before + 3) await new Promise((resolve) => setTimeout(resolve, 20));
    gone.abort();
    for (;;) {
      const { engine, native } = await daemon.status();
      if (engine.running + engine.waiting === 0) {
        expect([native.sequences, native.kvBytes]).toEqual([0, 0]);
        break;
      }
    }
    expect(await embed('after it')).toHaveLength(1);
  });
});

it('a decoder that is not in memory is a 404 that says how it gets there', async () => {
  const reply = await post({ model: 'no-such-model', input: 'a' });
  expect(reply.status).toBe(404);
});
