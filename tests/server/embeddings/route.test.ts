/** POST /v1/embeddings of a real daemon, with the vendor's own client where it can say it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosine, readSentences } from '../../parity/encoder-golden.js';
import { type TestDaemon, startDaemon } from '../../support/daemon.js';
import { EMBEDDING_MODEL } from '../../support/starter-model.js';

const golden = readSentences();
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon.stop());

interface Reply {
  readonly status: number;
  readonly body: {
    readonly data: readonly { readonly index: number; readonly embedding: number[] }[];
    readonly model: string;
    readonly usage: object;
    readonly error: { readonly message: string; readonly code: string; readonly param: string | null; readonly type: string };
  };
}

async function post(body: object): Promise<Reply> {
  const reply = await fetch(`${daemon.summary.address}/v1/embeddings`, {
    method: 'POST',
    body: JSON.stringify({ model: EMBEDDING_MODEL, ...body }),
  });
  return { status: reply.status, body: (await reply.json()) as Reply['body'] };
}

describe('the openai client', () => {
  it('gets the vectors of the reference for 100 sentences, in base64 as it asks by itself', async () => {
    const { data, model, usage } = await daemon.openai.embeddings.create({
      model: EMBEDDING_MODEL,
      input: [...golden.sentences],
      ...({ truncate: true } as object), // some are longer than what the model reads
    });
    expect(data.map(({ index }) => index)).toEqual([...golden.sentences.keys()]);
    const worst = Math.min(...data.map(({ embedding }, i) => cosine(embedding, golden.vectors[i]!)));
    expect(worst).toBeGreaterThan(0.9999);
    expect(model).toBe(EMBEDDING_MODEL);
    const tokens = golden.ids.reduce((sum, ids) => sum + ids.length, 0);
    expect(usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
  });

  it('gets the same as floats, of length 1, and the same alone', async () => {
    const [first, second] = golden.sentences as [string, string];
    const input = [first, second];
    const floats = await daemon.openai.embeddings.create({ model: EMBEDDING_MODEL, input, encoding_format: 'float' });
    const base64 = await daemon.openai.embeddings.create({ model: EMBEDDING_MODEL, input });
    const alone = await daemon.openai.embeddings.create({ model: EMBEDDING_MODEL, input: second, encoding_format: 'float' });
    const asF32 = (vector: readonly number[]): number[] => [...Float32Array.from(vector)];
    expect(floats.data.map(({ embedding }) => asF32(embedding))).toEqual(base64.data.map(({ embedding }) => asF32(embedding)));
    expect(alone.data[0]!.embedding).toEqual(floats.data[1]!.embedding); // bit for bit, whatever the company
    expect(Math.hypot(...alone.data[0]!.embedding)).toBeCloseTo(1, 6);
  });

  it('may call it by a name of the vendor', async () => {
    const reply = await daemon.openai.embeddings.create({ model: 'text-embedding-3-small', input: 'hello', dimensions: 128 });
    expect(reply.model).toBe(EMBEDDING_MODEL);
    expect(reply.data[0]!.embedding).toHaveLength(128);
    expect(Math.hypot(...reply.data[0]!.embedding)).toBeCloseTo(1, 6);
  });
});

describe('an input', () => {
  it('may be token ids, or lists of them, which are read as they are', async () => {
    const [ids, others] = golden.ids as [number[], number[]];
    const one = await post({ input: ids });
    expect(cosine(one.body.data[0]!.embedding, golden.vectors[0]!)).toBeGreaterThan(0.9999);
    const two = await post({ input: [others, ids] });
    expect(two.body.data[1]!.embedding).toEqual(one.body.data[0]!.embedding);
    expect(two.body.usage).toEqual({ prompt_tokens: ids.length + others.length, total_tokens: ids.length + others.length });
  });

  it('that is too long is a 400 that says what to do; truncate cuts it as the reference does', async () => {
    const long = golden.ids.findIndex((ids) => ids.length === golden.maxTokens && golden.ids[golden.ids.indexOf(ids)]!.at(-1) === 102);
    const text = golden.sentences.at(-1)!;
    const refused = await post({ input: ['short', text] });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'context_length_exceeded', param: 'input[1]' } } });
    expect(refused.body.error.message).toMatch(/has \d+ tokens, all-minilm-l6-v2 reads at most 256.*"truncate": true/);
    const cut = await post({ input: text, truncate: true });
    expect(cosine(cut.body.data[0]!.embedding, golden.vectors.at(-1)!)).toBeGreaterThan(0.9999);
    expect(long).toBeGreaterThan(0);
    const ids = Array.from({ length: 300 }, () => 2000);
    expect((await post({ input: ids })).status).toBe(400);
    expect((await post({ input: ids, truncate: true })).body.usage).toMatchObject({ prompt_tokens: 256 });
  });

  it.each([
    ['an empty text', { input: '' }, 'input'],
    ['an empty text among others', { input: ['a', ''] }, 'input[1]'],
    ['no inputs', { input: [] }, 'input'],
    ['no input at all', {}, 'input'],
    ['too many inputs', { input: Array.from({ length: 2049 }, () => 'a') }, 'input'],
    ['ids outside the vocabulary', { input: [101, 30_522, 102] }, 'input[1]'],
    ['a negative id', { input: [-1] }, 'input[0]'],
    ['a format of its own', { input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    ['no dimensions', { input: 'a', dimensions: 0 }, 'dimensions'],
    ['more dimensions than there are', { input: 'a', dimensions: 385 }, 'dimensions'],
  ])('%s is a 400 that names the field', async (_, body, param) => {
    const { status, body: reply } = await post(body);
    expect([status, reply.error.param, reply.error.type]).toEqual([400, param, 'invalid_request_error']);
  });
});

describe('a model', () => {
  it('that is not known is a 404', async () => {
    expect(await post({ model: 'all-minilm', input: 'a' })).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
  });
});
