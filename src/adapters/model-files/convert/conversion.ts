/** What a conversion is made of: tensors to read by rows, and what goes beside them. */
import type { FloatType } from './float-formats.js';

export interface SourceTensor {
  /** In the new file. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Type of the new file, where it is not packed; scales and biases have it too. */
  readonly type: FloatType;
  /** A matrix that may be packed; norms, biases and routers may not. */
  readonly isLinear: boolean;
  /** Bytes of a row in the old file. */
  readonly rowBytes: number;
  /** Rows [first, first + count) of the last axis. */
  read(first: number, count: number): Promise<Float32Array>;
}

export interface ConversionSource {
  readonly tensors: readonly SourceTensor[];
  /** config.json without `quantization`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Other files, by name: a path to copy, or the text itself. */
  readonly beside: ReadonlyMap<string, { readonly copy: string } | { readonly text: string }>;
  close(): Promise<void>;
}

export interface Quantization {
  readonly bits: 4 | 8;
  readonly groupSize: 32 | 64 | 128;
}
