// Run by lifetime.test.ts: leaves with an engine in some state. argv: addon, model file, spec (JSON), executor, way.
import { createRequire } from 'node:module';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

const [addon, file, specFile, executor, way] = isMainThread ? process.argv.slice(2) : workerData;
const { Engine } = createRequire(import.meta.url)(addon);

async function beginStep() {
  const engine = new Engine({ threads: 2, memoryBudgetBytes: 1e9, bufferCacheBytes: 1e6, instructionSet: 'auto' });
  const spec = JSON.parse(readFileSync(specFile, 'utf8'));
  const { model } = await engine.loadModel({ spec, files: [file], executor, kvFormat: 'f32' });
  const sequence = await engine.createSequence(model, {
    temperature: 0,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    frequencyPenalty: 0,
    presencePenalty: 0,
    biasTokens: new Int32Array(),
    biasValues: new Float32Array(),
    seed: 0n,
    topLogprobs: 0,
  });
  const tokens = new Int32Array(600);
  const plan = { sequences: Int32Array.of(sequence), counts: Int32Array.of(600), tokens, sample: Uint8Array.of(1), logits: 'none' };
  const step = engine.step(plan);
  return { engine, step, model, sequence };
}

/** Saves a sequence over and over, without waiting for any of it. */
async function beginSaves() {
  const { engine, step, model, sequence } = await beginStep();
  await step;
  const folder = mkdtempSync(join(tmpdir(), 'semantic-leave-'));
  const fd = openSync(join(folder, 'images'), 'w');
  rmSync(folder, { recursive: true });
  const image = { start: 0, count: 256, layers: Int32Array.of(0), seed: 0n };
  const bytes = engine.kvImageBytes(model, image.count, image.layers);
  for (let i = 0; i < 200; i += 1) void engine.saveKv(sequence, fd, [{ ...image, offset: i * bytes }]);
}

/** Lets go of an engine and returns when the collector has taken it. */
async function collect() {
  let collected = false;
  const registry = new FinalizationRegistry(() => (collected = true));
  const use = async () => {
    const { engine, step } = await beginStep();
    registry.register(engine, undefined);
    await step;
  };
  await use();
  while (!collected) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

if (!isMainThread) {
  await beginStep(); // this worker ends while its step runs
  process.exit(0);
}

switch (way) {
  case 'process.exit':
    await beginStep();
    process.exit(0);
    break;
  case 'saving':
    await beginSaves();
    process.exit(0);
    break;
  case 'idle': // nothing pending: an open engine does not keep the process alive
    await (
      await beginStep()
    ).step;
    break;
  case 'pending': // a pending promise does
    void (await beginStep()).step.then(() => console.log('settled'));
    break;
  case 'collected':
    await collect();
    break;
  case 'close-twice': {
    const { engine, step } = await beginStep();
    await Promise.all([engine.close(), engine.close(), step.catch(() => undefined)]);
    break;
  }
  case 'worker': {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: process.argv.slice(2) });
    const code = await new Promise((resolve) => worker.once('exit', resolve));
    if (code !== 0) process.exit(3);
    // The main thread's own engine works after a worker's ended.
    await (
      await beginStep()
    ).step;
    break;
  }
}
console.log('end');
