/** Any damage to a header ends in an error of the table or in a checkpoint, never in anything else. */
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { buildDecoderSpec } from '../../../src/core/models/registry.js';
import { randomNumbers, readBytes, Scratch } from './damage.js';

const SEED = 20261121;
const ROUNDS = 400;

const scratch = new Scratch();
afterAll(() => scratch.remove());

/** Flips one to four bits within the first `headerBytes`. */
function damage(bytes: Buffer, headerBytes: number, random: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const flips = 1 + ((random() >>> 8) % 4);
  for (let i = 0; i < flips; i++) {
    const at = (random() >>> 4) % headerBytes;
    copy[at] = copy[at]! ^ (1 << ((random() >>> 16) & 7));
  }
  return copy;
}

async function outcome(path: string): Promise<'read' | 'refused'> {
  try {
    buildDecoderSpec(await readCheckpoint(path));
    return 'read';
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticError);
    expect(['ModelFileCorrupt', 'ModelUnsupported']).toContain((error as SemanticError).code);
    return 'refused';
  }
}

/** @param model path that readCheckpoint takes, @param damaged file in it */
async function count(model: string, damaged: string, whole: Buffer, headerBytes: number): Promise<Record<'read' | 'refused', number>> {
  const random = randomNumbers(SEED);
  const counts = { read: 0, refused: 0 };
  for (let i = 0; i < ROUNDS; i++) {
    writeFileSync(damaged, damage(whole, headerBytes, random));
    counts[await outcome(model)]++;
  }
  return counts;
}

describe('bits flipped at random', () => {
  it('in the header of a GGUF file give an error of the table or a checkpoint', async () => {
    const path = join(scratch.copy('llama-gguf'), 'model.gguf');
    const counts = await count(path, path, readBytes('llama-gguf', 'model.gguf'), 8192);
    expect(counts.refused).toBeGreaterThan(ROUNDS / 10);
    expect(counts.read).toBeGreaterThan(0); // a flip in a token's text is nobody's business
  });

  it('in the header of a safetensors file give an error of the table or a checkpoint', async () => {
    const folder = scratch.copy('llama-4bit-g32');
    const whole = readBytes('llama-4bit-g32', 'model.safetensors');
    const counts = await count(folder, join(folder, 'model.safetensors'), whole, 8 + Number(whole.readBigUInt64LE()));
    expect(counts.refused).toBeGreaterThan(ROUNDS / 10);
  });

  it('in config.json give an error of the table or a checkpoint', async () => {
    const folder = scratch.copy('gemma3-4bit');
    const whole = readBytes('gemma3-4bit', 'config.json');
    const counts = await count(folder, join(folder, 'config.json'), whole, whole.length);
    expect(counts.refused).toBeGreaterThan(ROUNDS / 10);
    expect(counts.read).toBeGreaterThan(0);
  });
});
