/** Facts of models, read from their headers once and remembered by the state of their files: a list of models must not take long. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readMemory, writeMemory } from '../files/memory-file.js';
import { fileState } from '../model-files/file-state.js';
import type { ModelFacts } from '../model-files/model-facts.js';
import { modelFolder, type InstalledModel } from './locate-model.js';

const facts = z.object({
  format: z.enum(['safetensors', 'gguf']).nullable(),
  architecture: z.string().nullable(),
  quantization: z.string().nullable(),
  contextLength: z.number().nullable(),
  problem: z.string().nullable(),
});
/** Raised when other facts are read, or more models can be loaded. */
const VERSION = 1;
const MEMORY = z.object({ version: z.literal(VERSION), models: z.record(z.string(), z.object({ state: z.string(), facts })) });
type Remembered = z.output<typeof MEMORY>['models'];

/** One per model, in order. `memory` is a JSON file that is made where there is none. */
export async function factsOf(models: readonly InstalledModel[], memory: string): Promise<ModelFacts[]> {
  const known: Remembered = (await readMemory(memory, MEMORY))?.models ?? {};
  const entries = await Promise.all(
    models.map(async (model) => {
      const state = await stateOf(model);
      const remembered = known[model.path];
      if (remembered?.state === state) return remembered;
      const { readModelFacts } = await import('../model-files/model-facts.js'); // with all there is of model families
      return { state, facts: await readModelFacts(model.path) };
    }),
  );
  if (models.some(({ path }, i) => known[path] !== entries[i])) {
    await writeMemory(memory, { version: VERSION, models: Object.fromEntries(models.map(({ path }, i) => [path, entries[i]])) });
  }
  return entries.map((entry) => entry.facts);
}

async function stateOf(model: InstalledModel): Promise<string> {
  const folder = modelFolder(model);
  const names = (await readdir(folder).catch((): string[] => [])).toSorted(); // it may have been removed since it was found
  const states = await Promise.all(names.map((name) => stat(join(folder, name), { bigint: true }).then(fileState, () => 'gone')));
  return names.map((name, i) => `${name} ${states[i]!}`).join('\n');
}
