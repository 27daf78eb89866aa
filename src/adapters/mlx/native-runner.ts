/** A model loaded into the native engine. */
import type { Engine, ForkedSequence, LoadedModel, SequenceId, StepPlan, StepResult } from '../../../native/index.js';
import type { DecoderSpec } from '../../core/domain/decoder-spec.js';
import { joinTokens } from '../../core/domain/join-tokens.js';
import type { StepWatch } from '../../core/embedding/step-watch.js';
import type { SamplingParams } from '../../core/domain/sampling.js';
import type { KvImage, KvMover, ModelRunner, RunnerEntry, RunnerOutput, RunnerPlan, Sample, SavedKvImage } from '../../core/ports.js';
import { crossing, toSemanticError } from './native-errors.js';
import { toNativeSampling } from './native-sampling.js';

export class NativeRunner implements ModelRunner, KvMover {
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  readonly kvLayout: string;

  constructor(
    private readonly engine: Engine,
    private readonly loaded: LoadedModel,
    spec: DecoderSpec,
    private readonly steps: StepWatch,
  ) {
    this.contextLength = spec.contextLength;
    this.vocabSize = spec.vocabSize;
    this.hiddenSize = spec.hiddenSize;
    this.weightBytes = loaded.weightBytes;
    this.kvBytesPerToken = loaded.kvBytesPerToken;
    this.kvLayout = loaded.kvLayout;
  }

  createSequence(sampling: SamplingParams): Promise<number> {
    return crossing('user', () => this.engine.createSequence(this.loaded.model, toNativeSampling(sampling)));
  }

  forkSequence(sequence: number, length: number, sampling: SamplingParams): Promise<ForkedSequence> {
    return crossing('user', () => this.engine.forkSequence(sequence as SequenceId, length, toNativeSampling(sampling)));
  }

  setSampling(sequence: number, sampling: SamplingParams): Promise<void> {
    return crossing('user', () => this.engine.setSampling(sequence as SequenceId, toNativeSampling(sampling)));
  }

  truncateSequence(sequence: number, length: number): Promise<number> {
    return crossing('us', () => this.engine.truncateSequence(sequence as SequenceId, length));
  }

  dropSequence(sequence: number): Promise<void> {
    return crossing('us', () => this.engine.dropSequence(sequence as SequenceId));
  }

  async step({ entries }: RunnerPlan): Promise<RunnerOutput> {
    return toOutput(entries, await this.#watched(() => this.engine.step(toNativePlan(entries, 'none'))));
  }

  async stepAhead({ entries }: RunnerPlan): Promise<RunnerOutput | null> {
    const result = await this.#watched(() => this.engine.stepAhead(toNativePlan(entries, 'none')));
    return result === null ? null : toOutput(entries, result);
  }

  withdrawAhead(): void {
    this.engine.withdrawAhead();
  }

  /** Appends `tokens` to the sequence and returns the logits after each of them, [tokens, vocabSize]; for scoring and parity tests. */
  async scoreTokens(sequence: number, tokens: Int32Array): Promise<Float32Array> {
    return (await this.scoreBatch([{ sequence, tokens, sample: false }]))[0]!;
  }

  /** As `scoreTokens`, for several sequences in one step. */
  async scoreBatch(entries: readonly RunnerEntry[]): Promise<Float32Array[]> {
    const { logits } = await crossing('us', () => this.engine.step(toNativePlan(entries, 'all')));
    let row = 0;
    return entries.map(({ tokens }) => {
      const start = row * this.vocabSize;
      row += tokens.length;
      return logits.subarray(start, row * this.vocabSize);
    });
  }

  kvImageBytes(count: number, layers: Int32Array): number {
    try {
      return this.engine.kvImageBytes(this.loaded.model, count, layers);
    } catch (error) {
      throw toSemanticError(error, 'us');
    }
  }

  saveKv(sequence: number, fd: number, images: readonly KvImage[]): Promise<BigUint64Array> {
    return crossing('us', () => this.engine.saveKv(sequence as SequenceId, fd, images));
  }

  loadKv(sequence: number, tokens: Int32Array, images: readonly SavedKvImage[], length: number): Promise<void> {
    return crossing('us', () => this.engine.loadKv(sequence as SequenceId, tokens, images, length));
  }

  checksumFile(fd: number, offset: number, bytes: number, seed: bigint): Promise<bigint> {
    return crossing('us', () => this.engine.checksumFile(fd, offset, bytes, seed));
  }

  #watched<T extends StepResult | null>(step: () => Promise<T>): Promise<T> {
    return this.steps.watch(() => crossing('us', step));
  }

  async unload(): Promise<void> {
    await crossing('us', () => this.engine.unloadModel(this.loaded.model));
  }
}

function toNativePlan(entries: readonly RunnerEntry[], logits: StepPlan['logits']): StepPlan {
  const counts = Int32Array.from(entries, (entry) => entry.tokens.length);
  return {
    sequences: Int32Array.from(entries, (entry) => entry.sequence),
    counts,
    tokens: joinTokens(entries.map(({ tokens }) => tokens)),
    sample: Uint8Array.from(entries, (entry) => (entry.sample ? 1 : 0)),
    logits,
    ...masksOf(entries),
    ...hiddenOf(entries),
  };
}

function masksOf(entries: readonly RunnerEntry[]): Pick<StepPlan, 'masks'> {
  const masks = entries.flatMap(({ mask }, i) => (mask === undefined ? [] : [{ mask, i }]));
  if (masks.length === 0) return {};
  const bits = new Uint32Array(masks.reduce((sum, { mask }) => sum + mask.length, 0));
  let at = 0;
  for (const { mask } of masks) {
    bits.set(mask, at);
    at += mask.length;
  }
  return { masks: { entries: Int32Array.from(masks, ({ i }) => i), bits } };
}

function hiddenOf(entries: readonly RunnerEntry[]): Pick<StepPlan, 'hidden'> {
  const hidden = Int32Array.from(entries.flatMap((entry, i) => (entry.hidden === true ? [i] : [])));
  return hidden.length === 0 ? {} : { hidden };
}

function toOutput(entries: readonly RunnerEntry[], result: StepResult): RunnerOutput {
  const hidden = result.hidden.length === 0 ? {} : { hidden: statesOf(entries, result.hidden) };
  return {
    ...hidden,
    samples: entries.map((entry, i) => (entry.sample ? sampleAt(result, i) : null)),
    stepMicros: result.stepMicros,
  };
}

/** [tokens, hiddenSize] of each entry that wants them. */
function statesOf(entries: readonly RunnerEntry[], states: Float32Array): (Float32Array | null)[] {
  const count = entries.reduce((sum, { hidden, tokens }) => sum + (hidden === true ? tokens.length : 0), 0);
  const width = states.length / count;
  let row = 0;
  return entries.map(({ hidden, tokens }) => {
    if (hidden !== true) return null;
    const start = row * width;
    row += tokens.length;
    return states.subarray(start, row * width);
  });
}

function sampleAt(result: StepResult, i: number): Sample {
  const top: { token: number; logprob: number }[] = [];
  for (let j = i * result.topWidth; j < (i + 1) * result.topWidth; j++) {
    const token = result.topTokens[j]!;
    if (token >= 0) top.push({ token, logprob: result.topLogprobs[j]! });
  }
  return { token: result.tokens[i]!, logprob: result.logprobs[i]!, top };
}
