/** What a model's files say about themselves, before anything is loaded. Adapters read it; `core/models` turns it into a `DecoderSpec`. */
export interface Checkpoint {
  readonly format: 'safetensors' | 'gguf';
  /** config.json, or the GGUF metadata without its tokenizer lists. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Tensor names as the native loader will see them: a quantized GGUF tensor `x.weight` also has `x.scales` and `x.biases`. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Absolute paths of the shards, or of the one GGUF file. */
  readonly files: readonly string[];
}

export interface TensorInfo {
  /** Safetensors spelling: F32, F16, BF16, U32, U8 ... */
  readonly dtype: string;
  readonly shape: readonly number[];
}
