/** An encoder loaded into the native engine. */
import type { Engine, LoadedEncoder } from '../../../native/index.js';
import type { EncoderSpec } from '../../core/domain/encoder-spec.js';
import { joinTokens } from '../../core/domain/join-tokens.js';
import type { Pooling } from '../../core/domain/pooling.js';
import type { EncoderOutput, EncoderRunner } from '../../core/ports.js';
import { crossing } from './native-errors.js';

export class NativeEncoder implements EncoderRunner {
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly weightBytes: number;

  constructor(
    private readonly engine: Engine,
    private readonly loaded: LoadedEncoder,
    spec: EncoderSpec,
  ) {
    this.contextLength = spec.contextLength;
    this.vocabSize = spec.vocabSize;
    this.hiddenSize = spec.hiddenSize;
    this.weightBytes = loaded.weightBytes;
  }

  async encode(inputs: readonly Int32Array[], pooling: Pooling): Promise<EncoderOutput> {
    const counts = Int32Array.from(inputs, (input) => input.length);
    const plan = { model: this.loaded.model, counts, tokens: joinTokens(inputs), pooling };
    const { vectors, encodeMicros } = await crossing('us', () => this.engine.encode(plan));
    const width = this.hiddenSize;
    return { vectors: inputs.map((_, i) => vectors.subarray(i * width, (i + 1) * width)), micros: encodeMicros };
  }

  async unload(): Promise<void> {
    await crossing('us', () => this.engine.unloadModel(this.loaded.model));
  }
}
