/** When the embedding model is in memory, and what happens where it is not to be had. */
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { type TestDaemon, startDaemon } from '../../support/daemon.js';
import { EMBEDDING_MODEL, STARTER_MODEL, starterModelFile } from '../../support/starter-model.js';

async function withDaemon(env: Readonly<Record<string, string>>, use: (daemon: TestDaemon) => Promise<void>): Promise<void> {
  const daemon = await startDaemon([], env);
  try {
    await use(daemon);
  } finally {
    await daemon.stop();
  }
}

const embed = (daemon: TestDaemon, input: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(`${daemon.summary.address}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ model: EMBEDDING_MODEL, input }), ...init });
const weights = async (daemon: TestDaemon): Promise<number> => (await daemon.status()).native.weightBytes;

it('is loaded by the first request, once for requests that come together, and freed when it was not used for its time', async () => {
  await withDaemon({ SEMANTIC_EMBEDDINGS_TTL_SECONDS: '1' }, async (daemon) => {
    const before = await weights(daemon);
    const replies = await Promise.all([1, 2, 3].map((n) => embed(daemon, `text ${n}`)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    const during = await weights(daemon);
    expect(during - before).toBeGreaterThan(80e6);
    expect(during - before).toBeLessThan(100e6); // one of it
    for (let i = 0; i < 100 && (await weights(daemon)) > before; i++) await sleep(100);
    expect(await weights(daemon)).toBe(before);
    expect((await embed(daemon, 'again')).status).toBe(200);
  });
});

it('is a 404 with the command that fetches it where it is not installed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'semantic-bare-'));
  mkdirSync(join(home, 'models'));
  symlinkSync(dirname(starterModelFile()), join(home, 'models', STARTER_MODEL));
  await withDaemon({ SEMANTIC_HOME: home }, async (daemon) => {
    for (const model of [EMBEDDING_MODEL, 'text-embedding-3-large']) {
      const reply = await fetch(`${daemon.summary.address}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ model, input: 'a' }) });
      const { error } = (await reply.json()) as { error: { code: string; message: string } };
      expect([reply.status, error.code]).toEqual([404, 'model_not_found']);
      expect(error.message).toContain(`semantic models pull ${EMBEDDING_MODEL}`);
    }
  });
  rmSync(home, { recursive: true });
});

it('takes so many requests and no more: the next is a 429 that says when to come again, and a client that goes away frees its place', async () => {
  await withDaemon({ SEMANTIC_EMBEDDINGS_MAX_QUEUE: '1' }, async (daemon) => {
    await embed(daemon, 'loads it');
    const gone = new AbortController();
    const long = embed(
      daemon,
      Array.from({ length: 2000 }, (_, i) => `${i} ${'word '.repeat(200)}`),
      { signal: gone.signal },
    );
    long.catch(() => undefined);
    while ((await daemon.status()).native.encodes < 3) await sleep(20);
    const refused = await embed(daemon, 'one more');
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    gone.abort();
    let status = 429;
    for (let i = 0; i < 100 && status === 429; i++) {
      await sleep(50);
      ({ status } = await embed(daemon, 'after it'));
    }
    expect(status).toBe(200);
    const { encodes } = (await daemon.status()).native;
    expect(encodes).toBeLessThan(500); // of 2000
  });
});
