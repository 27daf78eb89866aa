import { afterAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import { readGguf } from '../../../src/adapters/model-files/read-gguf.js';
import type { ErrorCode } from '../../../src/core/domain/errors.js';
import { readBytes, Scratch } from './damage.js';
import { entry, gguf, text, u32, u64, type GgufBytes } from './gguf-bytes.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const F32 = 0;
const FLOATS = { name: 'a.weight', dims: [8, 2], type: F32, offset: 0 };

async function expectFailure(given: GgufBytes | Buffer, code: ErrorCode, message: RegExp): Promise<void> {
  const path = scratch.write('bad.gguf', Buffer.isBuffer(given) ? given : gguf(given));
  await expect(readCheckpoint(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as unknown });
}

describe('a GGUF file', () => {
  it('yields every kind of metadata value', async () => {
    const entries = [
      entry('u8', u32(0), Buffer.from([200])),
      entry('i8', u32(1), Buffer.from([200])),
      entry('u32', u32(4), u32(4_000_000_000)),
      entry('bool', u32(7), Buffer.from([1])),
      entry('text', u32(8), text('naïve 🙂')),
      entry('small', u32(10), u64(7)),
      entry('large', u32(10), u64(2n ** 63n)),
      entry('texts', u32(9), u32(8), u64(2), text('a'), text('')),
      entry('numbers', u32(9), u32(5), u64(2), u32(1), u32(0xffffffff)),
      entry('none', u32(9), u32(8), u64(0)),
    ];
    const { metadata, version } = await readGguf(scratch.write('all.gguf', gguf({ version: 2, entries })));
    expect(version).toBe(2);
    expect([...metadata]).toEqual([
      ['u8', 200], ['i8', -56], ['u32', 4_000_000_000], ['bool', true], ['text', 'naïve 🙂'], ['small', 7], ['large', 2n ** 63n],
      ['texts', ['a', '']], ['numbers', Int32Array.of(1, -1)], ['none', []],
    ]); // prettier-ignore
  });

  it('lists tensors in MLX order with their place in the file', async () => {
    const { tensors } = await readGguf(scratch.write('t.gguf', gguf({ tensors: [FLOATS], dataBytes: 64 })));
    expect(tensors).toMatchObject([{ name: 'a.weight', shape: [2, 8], bytes: 64 }]);
    expect(tensors[0]!.offset % 32).toBe(0);
  });

  it('becomes a checkpoint with the names that MLX gives its packed tensors', async () => {
    const { tensors, format } = await readCheckpoint(`${scratch.copy('llama-gguf')}/model.gguf`);
    expect(format).toBe('gguf');
    expect(tensors.get('blk.0.attn_q.weight')).toEqual({ dtype: 'U32', shape: [128, 16] }); // Q4_1 of [128, 128]
    expect(tensors.get('blk.0.attn_q.scales')).toEqual({ dtype: 'F16', shape: [128, 4] });
    expect(tensors.get('token_embd.weight')).toEqual({ dtype: 'U32', shape: [256, 32] }); // Q8_0 of [256, 128]
    expect(tensors.get('blk.0.attn_v.weight')).toEqual({ dtype: 'F16', shape: [64, 128] });
  });

  it('hands the rotary factors on as numbers and leaves the vocabulary out of the config', async () => {
    const { config } = await readCheckpoint(`${scratch.copy('llama-gguf')}/model.gguf`);
    const factors = config['rope_freqs.weight'] as number[];
    expect(factors).toHaveLength(16);
    expect([factors[0], factors[15]]).toEqual([1, 8]);
    expect(config['tokenizer.ggml.tokens']).toBeUndefined();
    expect(config['tokenizer.ggml.model']).toBe('gpt2');
  });
});

describe('a damaged GGUF file', () => {
  it.each<[string, GgufBytes | Buffer, RegExp]>([
    ['is empty', Buffer.alloc(0), /wanted 4 bytes of file, got 0/],
    ['has another magic', { magic: 'GGML' }, /wanted the magic "GGUF", got "GGML"/],
    ['claims more tensors than fit', { tensorCount: 2n ** 60n }, /tensors and 0 keys do not fit/],
    ['claims more keys than fit', { keyCount: 10_000_000 }, /10000000 keys do not fit/],
    [
      'has a string longer than the file',
      { entries: [Buffer.concat([u64(5000), Buffer.alloc(32)])] },
      /metadata key 0 of 1: wanted 5032 bytes of file/,
    ],
    ['has a string of an absurd length', { entries: [Buffer.concat([u64(2n ** 62n), Buffer.alloc(32)])] }, /a string of at most/],
    ['has a list longer than the file', { entries: [entry('x', u32(9), u32(4), u64(1_000_000))] }, /metadata "x": wanted a list that fits/],
    ['has a list in a list', { entries: [entry('x', u32(9), u32(9), u64(1), Buffer.alloc(16))] }, /got element type 9/],
    ['has an unknown value type', { entries: [entry('x', u32(77), Buffer.alloc(16))] }, /wanted a value type of 0\.\.12, got 77/],
    ['has a boolean of 7', { entries: [entry('x', u32(7), Buffer.from([7]))] }, /wanted a boolean of 0 or 1, got 7/],
    ['has a key twice', { entries: [entry('x', u32(4), u32(1)), entry('x', u32(4), u32(2))] }, /"x": wanted every key once/],
    ['has a tensor twice', { tensors: [FLOATS, FLOATS], dataBytes: 64 }, /"a\.weight": wanted every tensor once/],
    [
      'has a tensor of five dimensions',
      { tensors: [{ ...FLOATS, dims: [1, 1, 1, 1, 1] }], dataBytes: 64 },
      /wanted 1\.\.4 dimensions, got 5/,
    ],
    ['has an empty tensor', { tensors: [{ ...FLOATS, dims: [8, 0] }], dataBytes: 64 }, /multiple of 1 elements for F32, got \[0, 8\]/],
    [
      'has rows that are no multiple of a block',
      { tensors: [{ ...FLOATS, dims: [33, 2], type: 3 }], dataBytes: 64 },
      /multiple of 32 elements for Q4_1, got \[2, 33\]/,
    ],
    ['has a tensor at an odd place', { tensors: [{ ...FLOATS, offset: 4 }], dataBytes: 96 }, /aligned to 32/],
    [
      'has tensors on top of each other',
      { tensors: [FLOATS, { ...FLOATS, name: 'b.weight', offset: 32 }], dataBytes: 128 },
      /"b\.weight" starts at byte .* inside the tensor before it/,
    ],
    ['ends inside a tensor', { tensors: [FLOATS], dataBytes: 40 }, /tensor "a\.weight": wanted 64 bytes at byte \d+, got 40/],
    ['has an alignment of 3', { entries: [entry('general.alignment', u32(4), u32(3))] }, /"general\.alignment": wanted a multiple of 8/],
  ])('that %s is corrupt, and says how', async (_, given, message) => {
    await expectFailure(given, 'ModelFileCorrupt', message);
  });

  it('that was cut off anywhere in its header or data is corrupt', async () => {
    const whole = readBytes('llama-gguf', 'model.gguf');
    for (const share of [0.0001, 0.001, 0.01, 0.02, 0.5, 0.99]) {
      await expectFailure(
        whole.subarray(0, Math.floor(whole.length * share)),
        'ModelFileCorrupt',
        /wanted \d+ bytes|do not fit into \d+ bytes/,
      );
    }
  });
});

describe('a GGUF file that MLX cannot read', () => {
  it.each<[string, GgufBytes, RegExp]>([
    ['a version of 1', { version: 1 }, /version 2 or 3 \(little-endian\), got 1/],
    [
      'a tensor of Q4_K, which MLX would expand to f16',
      { tensors: [{ name: 'blk.0.ffn_up.weight', dims: [256, 1], type: 12, offset: 0 }], dataBytes: 144 },
      /"blk\.0\.ffn_up\.weight" is Q4_K; wanted one of F32, F16, Q4_0, Q4_1, Q8_0/,
    ],
    ['a tensor of BF16, which MLX would round to f16', { tensors: [{ ...FLOATS, type: 30 }], dataBytes: 32 }, /"a\.weight" is BF16/],
    ['a tensor of MXFP4, which MLX would drop', { tensors: [{ ...FLOATS, dims: [32], type: 39 }], dataBytes: 17 }, /"a\.weight" is MXFP4/],
    ['a tensor of no known type', { tensors: [{ ...FLOATS, type: 4242 }], dataBytes: 64 }, /"a\.weight" has the unknown type number 4242/],
    [
      'a packed tensor of another name',
      { tensors: [{ name: 'rel_bias', dims: [32, 1], type: 8, offset: 0 }], dataBytes: 34 },
      /"rel_bias" is Q8_0 of shape \[1, 32\]; wanted a matrix named \*\.weight/,
    ],
    [
      'a 64-bit float in its metadata, on which MLX crashes',
      { entries: [entry('x', u32(12), Buffer.alloc(8))] },
      /metadata "x" is a 64-bit float/,
    ],
  ])('for %s is unsupported', async (_, given, message) => {
    await expectFailure(given, 'ModelUnsupported', message);
  });
});

describe('a path', () => {
  it('to nothing is a missing file that names what was looked for', async () => {
    await expect(readCheckpoint(`${scratch.folder}/none.gguf`)).rejects.toMatchObject({
      code: 'ModelFileMissing',
      message: expect.stringContaining('none.gguf') as unknown,
    });
    await expect(readGguf(`${scratch.folder}/none.gguf`)).rejects.toMatchObject({ code: 'ModelFileMissing' });
  });

  it('to a folder is no GGUF file', async () => {
    await expect(readGguf(scratch.folder)).rejects.toMatchObject({ code: 'ModelFileMissing' });
  });

  it('to one safetensors file asks for its folder', async () => {
    await expect(readCheckpoint(`${scratch.copy('llama-f32')}/model.safetensors`)).rejects.toMatchObject({ code: 'ModelUnsupported' });
  });
});
