import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import { readSafetensors } from '../../../src/adapters/model-files/read-safetensors.js';
import { readBytes, safetensors, Scratch } from './damage.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const A = { dtype: 'F32', shape: [2, 4], data_offsets: [0, 32] };
const SHARDED = 'llama-llama3-rope-bf16-sharded';

describe('a safetensors folder', () => {
  it('lists every tensor of every shard, and the shards', async () => {
    const checkpoint = await readCheckpoint(scratch.copy(SHARDED));
    expect(checkpoint.files.map((file) => file.split('/').pop())).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ]);
    expect(checkpoint.config['model_type']).toBe('llama');
    expect(checkpoint.tensors.get('model.layers.3.mlp.down_proj.weight')).toEqual({ dtype: 'BF16', shape: [64, 128] });
    expect(checkpoint.tensors.size).toBe(2 + 4 * 9);
  });

  it('reads numbered shards without an index, if all are there', async () => {
    const folder = scratch.copy(SHARDED);
    rmSync(join(folder, 'model.safetensors.index.json'));
    expect((await readCheckpoint(folder)).tensors.size).toBe(38);
    rmSync(join(folder, 'model-00002-of-00002.safetensors'));
    await expect(readCheckpoint(folder)).rejects.toMatchObject({
      code: 'ModelFileMissing',
      message: expect.stringMatching(/wanted 2 shards like model-00001-of-00002.safetensors in .*, got 1/) as unknown,
    });
  });

  it.each([
    ['config.json', 'llama-f32', 'config.json', /wanted .*config\.json, but there is no such file/],
    ['its weights', 'llama-f32', 'model.safetensors', /wanted model\*\.safetensors in /],
    [
      'a shard of its index',
      SHARDED,
      'model-00001-of-00002.safetensors',
      /wanted .*model-00001-of-00002\.safetensors, but there is no such file/,
    ],
  ])('without %s is missing that file', async (_, fixture, file, message) => {
    const folder = scratch.copy(fixture);
    rmSync(join(folder, file));
    await expect(readCheckpoint(folder)).rejects.toMatchObject({
      code: 'ModelFileMissing',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it.each([
    ['config.json is no JSON', 'config.json', '{"model_type": ', /config\.json: wanted JSON/],
    ['config.json is a list', 'config.json', '[]', /config\.json: wanted a JSON object/],
    ['the index has no map', 'model.safetensors.index.json', '{}', /wanted an object "weight_map"/],
    [
      'the index points outside the folder',
      'model.safetensors.index.json',
      '{"weight_map": {"a": "../x.safetensors"}}',
      /wanted a file in this folder for "a"/,
    ],
    ['the index maps nothing', 'model.safetensors.index.json', '{"weight_map": {}}', /wanted tensors in "weight_map"/],
    [
      'the index names a tensor that is nowhere',
      'model.safetensors.index.json',
      '{"weight_map": {"ghost": "model-00001-of-00002.safetensors"}}',
      /wanted tensor "ghost" in model-00001-of-00002\.safetensors, got it nowhere/,
    ],
  ])('whose %s is corrupt', async (_, file, content, message) => {
    const folder = scratch.copy(SHARDED);
    writeFileSync(join(folder, file), content);
    await expect(readCheckpoint(folder)).rejects.toMatchObject({
      code: 'ModelFileCorrupt',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('with one tensor in two shards is corrupt', async () => {
    const folder = scratch.copy(SHARDED);
    rmSync(join(folder, 'model.safetensors.index.json'));
    writeFileSync(join(folder, 'model-00002-of-00002.safetensors'), readBytes(SHARDED, 'model-00001-of-00002.safetensors'));
    await expect(readCheckpoint(folder)).rejects.toMatchObject({
      code: 'ModelFileCorrupt',
      message: expect.stringMatching(/is also in model-00001/) as unknown,
    });
  });
});

describe('a safetensors file', () => {
  it.each<[string, Buffer, RegExp]>([
    ['is shorter than its length field', Buffer.alloc(5), /wanted at least 8 bytes, got 5/],
    ['claims an absurd header', Buffer.alloc(64, 0xff), /a header of at most 100000000 bytes/],
    ['ends in its header', safetensors({ a: A }, 0).subarray(0, 20), /wanted a header of \d+ bytes, got 12/],
    ['has a header of garbage', safetensors('not json', 0), /wanted a header of JSON, got "not json"/],
    ['has a list for a header', safetensors([], 0), /wanted a JSON object as header/],
    ['has a tensor without dtype', safetensors({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /tensor "a": wanted a dtype, got nothing/],
    ['has a null for a tensor', safetensors({ a: null }, 4), /tensor "a": wanted a dtype/],
    ['has a negative shape', safetensors({ a: { ...A, shape: [-2, 4] } }, 32), /wanted a shape of whole numbers, got \[-2,4\]/],
    ['has one offset', safetensors({ a: { ...A, data_offsets: [0] } }, 32), /wanted two data offsets, got \[0\]/],
    ['has offsets of another size', safetensors({ a: { ...A, data_offsets: [0, 28] } }, 32), /wanted 32 bytes for F32 \[2, 4\], got 28/],
    [
      'has overlapping tensors',
      safetensors({ a: A, b: { ...A, data_offsets: [16, 48] } }, 48),
      /"b" starts at byte 16 of the data, inside the tensor before it, which ends at 32/,
    ],
    ['is cut off in a tensor', safetensors({ a: A }, 20), /tensor "a": wanted 32 bytes at byte 0 of the data, got 20/],
  ])('that %s is corrupt, and says how', async (_, bytes, message) => {
    const path = scratch.write('bad.safetensors', bytes);
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'ModelFileCorrupt',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('with an element type nobody defined is unsupported', async () => {
    const path = scratch.write('odd.safetensors', safetensors({ a: { ...A, dtype: 'F6_E2M3' } }, 32));
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'ModelUnsupported',
      message: expect.stringContaining('F6_E2M3') as unknown,
    });
  });

  it('may carry metadata and empty tensors', async () => {
    const path = scratch.write(
      'meta.safetensors',
      safetensors({ __metadata__: { format: 'mlx' }, a: A, e: { dtype: 'F32', shape: [0], data_offsets: [32, 32] } }, 32),
    );
    expect([...(await readSafetensors(path)).keys()]).toEqual(['a', 'e']);
  });
});
