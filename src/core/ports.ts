/** What the engine needs from the outside world. Adapters implement these; each port has a contract suite under tests/. */
import type { ChatMessage } from './domain/chat-message.js';
import type { Checkpoint } from './domain/checkpoint.js';
import type { DecoderSpec } from './domain/decoder-spec.js';
import type { SamplingParams } from './domain/sampling.js';

/** Ragged batch of one step: see StepPlan in native/index.d.ts. */
export interface RunnerPlan {
  readonly entries: readonly RunnerEntry[];
}

export interface RunnerEntry {
  readonly sequence: number;
  readonly tokens: Int32Array; // appended to the sequence's KV; length >= 1
  readonly sample: boolean;
}

export interface RunnerOutput {
  /** One per entry, in order; null where nothing was sampled. */
  readonly samples: readonly (Sample | null)[];
  readonly stepMicros: number;
}

export interface Sample {
  readonly token: number;
  readonly logprob: number;
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}

/** A loaded model that can run steps. Implemented over the native addon. */
export interface ModelRunner {
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  createSequence(sampling: SamplingParams): Promise<number>;
  /** A new sequence of the first `length` tokens of another, sharing its KV; `length` 0 where that cannot be (windowed layers). */
  forkSequence(sequence: number, length: number, sampling: SamplingParams): Promise<{ readonly sequence: number; readonly length: number }>;
  setSampling(sequence: number, sampling: SamplingParams): Promise<void>;
  truncateSequence(sequence: number, length: number): Promise<number>;
  dropSequence(sequence: number): Promise<void>;
  step(plan: RunnerPlan): Promise<RunnerOutput>;
  unload(): Promise<void>;
}

export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** Ids that end a turn: eos, eot, im_end ... */
  readonly stopTokenIds: readonly number[];
  /** Same ids as Hugging Face `tokenizers` gives; special tokens in the text become their ids. */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): Int32Array;
  decode(ids: ArrayLike<number>, options: { readonly skipSpecialTokens: boolean }): string;
  /** Text of one token as it stands in the vocabulary, for logprobs: its bytes, and a printable form. */
  tokenBytes(id: number): Uint8Array;
  createStream(options: { readonly skipSpecialTokens: boolean }): Detokenizer;
}

/** Streaming decode: the concatenation of all `push` results and `flush` equals `decode` of all ids; never half a character. */
export interface Detokenizer {
  push(id: number): string;
  flush(): string;
}

export type { ChatMessage };

export interface ChatTemplateInput {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly addGenerationPrompt: boolean;
  /** Extra variables for the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Renders off the event loop; rejects with TemplateFailed when it raises or passes its time limit. */
export interface ChatTemplate {
  render(input: ChatTemplateInput): Promise<string>;
  close(): Promise<void>;
}

/** Reads a model folder or file; throws ModelFileMissing, ModelFileCorrupt or ModelUnsupported. */
export interface CheckpointReader {
  read(path: string): Promise<Checkpoint>;
}

/** Turns a checkpoint into a runner. */
export interface RunnerLoader {
  load(checkpoint: Checkpoint, spec: DecoderSpec): Promise<ModelRunner>;
}
