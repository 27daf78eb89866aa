/** How keys and values are stored, and what that costs. The twin of native/src/kv_format.h, which says how codes are made. */
export const KV_FORMATS = ['f32', 'f16', 'bf16', 'q8', 'q4'] as const;
export type KvFormat = (typeof KV_FORMATS)[number];

interface KvEncoding {
  readonly elementBits: number;
  /** Elements of a head that share one scale and one bias of 16 bits each, the last group may be shorter; null = none. */
  readonly groupSize: number | null;
}

const KV_ENCODINGS: Readonly<Record<KvFormat, KvEncoding>> = {
  f32: { elementBits: 32, groupSize: null },
  f16: { elementBits: 16, groupSize: null },
  bf16: { elementBits: 16, groupSize: null },
  q8: { elementBits: 8, groupSize: 64 }, // MLX affine: 8.5 bits an element
  q4: { elementBits: 4, groupSize: 64 }, // MLX affine: 4.5 bits an element
};

const GROUP_BYTES = 4; // scale and bias, 16 bits each

/** Bytes of one token's key, or value, of one head. The engine refuses q8 and q4 for heads that are no multiple of 8 wide. */
export function headBytes(format: KvFormat, headDim: number): number {
  const { elementBits, groupSize } = KV_ENCODINGS[format];
  const groups = groupSize === null ? 0 : Math.ceil(headDim / groupSize);
  return Math.ceil((headDim * elementBits) / 8) + groups * GROUP_BYTES;
}
