/** Settings that only the loaded engine can judge. */
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/adapters/config/load-config.js';
import type { Config } from '../../src/adapters/config/schema.js';
import { openEngine } from '../../src/server/open-engine.js';
import { readAll, requestOf } from '../support/engine-here.js';
import { createHome } from '../support/run-semantic.js';
import { starterModelFile } from '../support/starter-model.js';

const home = createHome();
afterAll(() => home.remove());

function settings(flags: Record<string, unknown>): Config {
  return loadConfig({
    environment: { SEMANTIC_HOME: home.path },
    workingDirectory: home.path,
    flags: { 'model.default': starterModelFile(), ...flags },
  });
}

test.each(['int8', 'int8x2'])('model.compute = %s wants the cpu executor, and says what to choose instead', async (compute) => {
  await expect(openEngine(settings({ 'model.executor': 'mlx', 'model.compute': compute }))).rejects.toMatchObject({
    code: 'ConfigInvalid',
    param: 'model.compute',
    message: expect.stringContaining(`model.compute = ${compute} wants the cpu executor, this one is mlx`),
    hint: expect.stringContaining('auto or exact'),
  });
});

test.each([
  ['auto', 'int8'],
  ['exact', 'exact'],
  ['int8x2', 'int8x2'],
])('model.compute = %s on the cpu executor is %s, and the daemon says so', async (compute, wanted) => {
  const opened = await openEngine(settings({ 'model.executor': 'cpu', 'model.compute': compute }));
  try {
    expect(opened.backend.detail).toContain(`threads, ${wanted}, KV in f16`);
  } finally {
    await opened.close();
  }
});

test('a context beyond what the model was trained for is refused, unless it is asked for, and then there is a warning', async () => {
  const wanted = { 'model.context': 20_000 };
  await expect(openEngine(settings(wanted))).rejects.toMatchObject({
    code: 'ConfigInvalid',
    param: 'model.context',
    message: expect.stringContaining('model.context = 20000, the model was trained for 8192 tokens'),
    hint: expect.stringContaining('model.beyond_training = true'),
  });
  const said: string[] = [];
  const opened = await openEngine(settings({ ...wanted, 'model.beyond_training': true }), { log: (message) => void said.push(message) });
  try {
    expect(opened.engine.model.contextLength).toBe(20_000);
    expect(said).toEqual([expect.stringContaining('positions are stretched')]);
    const request = requestOf('', { messages: [], prompt: new Int32Array(8_300).fill(42), maxTokens: 2 });
    expect((await readAll(opened.engine.submit(request))).usage).toMatchObject({ promptTokens: 8_300, completionTokens: 2 });
  } finally {
    await opened.close();
  }
});
