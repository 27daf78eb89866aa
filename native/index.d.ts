/**
 * The contract of the native addon. JavaScript holds integer ids and typed arrays, never an MLX array.
 *
 * One `Engine` owns one engine thread, and with it everything MLX. Every method that returns a promise is a command
 * put into that thread's queue; results come back through one thread-safe function, so the event loop is never blocked.
 * Errors are `NativeError`s: `code` says the class, `origin` the place, `message` what was wanted and what was got.
 */
import type { DecoderSpec } from '../src/core/domain/decoder-spec.js';
import type { EncoderSpec } from '../src/core/domain/encoder-spec.js';
import type { Pooling } from '../src/core/domain/pooling.js';
import type { Compute } from '../src/core/domain/compute.js';
import type { KvFormat } from '../src/core/domain/kv-format.js';

declare const brand: unique symbol;
export type ModelId = number & { readonly [brand]: 'ModelId' };
export type SequenceId = number & { readonly [brand]: 'SequenceId' };

export type NativeErrorCode =
  | 'ERR_INVALID_ARGUMENT' // wrong type, unknown id, out of range: the caller's mistake
  | 'ERR_MODEL_FILE' // a file that cannot be opened, parsed, or lacks a tensor the spec names
  | 'ERR_OUT_OF_MEMORY' // refused before it was allocated, or thrown by the backend
  | 'ERR_ENGINE_CLOSED'
  | 'ERR_KV_CORRUPT' // a saved image does not have its checksum, or its file ends within it; `image` says which
  | 'ERR_IO' // the operating system refused a read or write; `errno` is its name, such as ENOSPC
  | 'ERR_BACKEND'; // anything else MLX or our kernels threw

export interface NativeError extends Error {
  readonly code: NativeErrorCode;
  /** `room.verb`, such as `decoder.load` or `cpu.step`; also the message's `[prefix]`. */
  readonly origin: string;
  /** Of ERR_KV_CORRUPT: index into the images of the call. */
  readonly image?: number;
  /** Of ERR_IO: such as `ENOSPC`, `EIO`, `EROFS`. */
  readonly errno?: string;
}

/** `mlx`: MLX graphs (Metal, CUDA, or MLX's CPU device). `cpu`: our own multi-threaded kernels. */
export type ExecutorKind = 'mlx' | 'cpu';
/** `q8`, `q4`: affine, in groups of 64 elements of a head with a scale and a bias of 16 bits each; heads a multiple of 8 wide. */
export type { Compute, KvFormat, Pooling };

export interface EngineOptions {
  /** Worker threads of the `cpu` executor, the engine thread included; >= 1. */
  readonly threads: number;
  /** Bytes that weights, KV and scratch may take together; commands that would pass it fail with ERR_OUT_OF_MEMORY. */
  readonly memoryBudgetBytes: number;
  /** Limit of MLX's cache of freed buffers, bytes. */
  readonly bufferCacheBytes: number;
  /** Instruction set of the `cpu` executor; `auto` = best this CPU has. Others throw where the CPU lacks them. */
  readonly instructionSet: 'auto' | 'avx512' | 'avx2' | 'neon' | 'portable';
  /** Whether `stats().profile` counts where the time of steps goes; off where it is left out. */
  readonly profile?: boolean;
}

export interface LoadOptions {
  readonly spec: DecoderSpec;
  /** Safetensors shards or one GGUF file; tensor names are looked up in all of them. */
  readonly files: readonly string[];
  readonly executor: ExecutorKind;
  readonly kvFormat: KvFormat;
  /** `exact` where it is not given; the others want the `cpu` executor. KV of one has a `kvLayout` of its own. */
  readonly compute?: Compute;
}

export interface LoadedModel {
  readonly model: ModelId;
  /** Bytes the weights take in memory now. */
  readonly weightBytes: number;
  /** KV bytes one more token of a sequence takes in the global layers, and in the windowed ones until their window is full. */
  readonly kvBytesPerToken: number;
  /**
   * How the executor lays KV out, such as `cpu/panel16-v1/f16` or `mlx/rows-v1/f16/metal`: images of one layout are of no use
   * to another. Part of a cache's fingerprint.
   */
  readonly kvLayout: string;
}

/** An encoder reads each input as a whole, keeps nothing of it, and always computes in f32 (`mlx` on a GPU: in the weights' type). */
export interface EncoderLoadOptions {
  readonly spec: EncoderSpec;
  /** As in LoadOptions. */
  readonly files: readonly string[];
  readonly executor: ExecutorKind;
}

export interface LoadedEncoder {
  readonly model: ModelId;
  /** Bytes the weights take in memory now. */
  readonly weightBytes: number;
}

/** A ragged batch: input i is tokens[sum(counts[..i]) ..+ counts[i]]. Its vector is the same, with `cpu` bit for bit, in any company. */
export interface EncodePlan {
  readonly model: ModelId;
  readonly counts: Int32Array; // [n] tokens of each, 1..contextLength
  readonly tokens: Int32Array; // [sum(counts)]
  readonly pooling: Pooling;
}

export interface EncodeResult {
  /** [n, hiddenSize], not normalised. */
  readonly vectors: Float32Array;
  /** Wall time on the engine's thread, microseconds. */
  readonly encodeMicros: number;
}

/**
 * Keys and values of tokens [start, start + count) of a sequence in some of its layers, as bytes in the executor's own layout.
 * `start` is a multiple of 256 and `count` at most 256: an image is of one block, or of what a block holds so far. Of layers that recur
 * it is their state behind its last token, which has to be the sequence's last.
 */
export interface KvImage {
  readonly start: number;
  readonly count: number;
  readonly layers: Int32Array;
  /** Where its bytes lie in the file. */
  readonly offset: number;
  /** Start value of its checksum (XXH64): the identity of what is saved goes in here, so that no other image passes for it. */
  readonly seed: bigint;
}

export interface SavedKvImage extends KvImage {
  /** Open for reading; it must stay open until the call settles. */
  readonly fd: number;
  readonly checksum: bigint;
}

export interface ForkedSequence {
  readonly sequence: SequenceId;
  /** Tokens it holds: what was asked for, or 0 where a windowed layer has forgotten what the cut needs, or a recurrent one would be cut. */
  readonly length: number;
}

/** Same seed, same logits, same tokens: the draw for output i depends on (seed, i) alone. */
export interface SamplingOptions {
  /** 0 = greedy. */
  readonly temperature: number;
  /** 0 = off. */
  readonly topK: number;
  /** 1 = off. */
  readonly topP: number;
  /** 0 = off: keep tokens with p >= minP * max p. */
  readonly minP: number;
  /** 1 = off: logits of tokens seen in prompt or output are divided (if > 0) or multiplied by it. */
  readonly repetitionPenalty: number;
  /** Subtracted once per earlier occurrence in the output. */
  readonly frequencyPenalty: number;
  /** Subtracted once if the token occurred in the output. */
  readonly presencePenalty: number;
  /** Added to the logits: `biasTokens[i]` gets `biasValues[i]`. */
  readonly biasTokens: Int32Array;
  readonly biasValues: Float32Array;
  readonly seed: bigint; // uint64
  /** Alternatives reported per sampled token, 0..20, by log-probability of the unmodified distribution. */
  readonly topLogprobs: number;
  /** What an interrupted output held so far: draws and output counts go on from there. */
  readonly sampled?: Int32Array;
}

/**
 * One step of a ragged batch: sequence i appends tokens[sum(counts[..i]) ..+ counts[i]] to its KV.
 * A decoding sequence has count 1, a prefilling one a chunk. Every sequence appears at most once.
 */
export interface StepPlan {
  readonly sequences: Int32Array; // [n] SequenceId
  readonly counts: Int32Array; // [n] tokens of each, >= 1
  /**
   * [sum(counts)]; -1 as the first of a sequence: what it sampled last. So a step may be asked for before the outcome of the one before it is
   * known: it begins as soon as that one has ended.
   */
  readonly tokens: Int32Array;
  /** [n] 1 = sample a token after the last one of this sequence; 0 = only fill the KV (no head is computed). */
  readonly sample: Uint8Array;
  /** `all` returns the logits of every position, for parity tests and scoring. */
  readonly logits: 'none' | 'all';
  /** Entries, ascending, whose hidden state behind the final norm is wanted at each of their tokens: for embeddings. */
  readonly hidden?: Int32Array;
  /** Entries whose token is chosen among some of the vocabulary; every other one among all of it. */
  readonly masks?: StepMasks;
}

/**
 * Logits of tokens outside the mask are -inf before anything else; log-probabilities stay those of the unmodified distribution.
 * A mask without a token is refused.
 */
export interface StepMasks {
  readonly entries: Int32Array; // [m] indices into `sequences`, ascending; each samples
  /** [m, ceil(vocabSize / 32)]: bit t % 32 of word t / 32 is set where token t may be chosen. */
  readonly bits: Uint32Array;
}

export interface StepResult {
  /** [n] sampled token, -1 where none was asked for. */
  readonly tokens: Int32Array;
  /** [n] log-probability of the sampled token under the unmodified distribution (softmax of the logits). */
  readonly logprobs: Float32Array;
  /** [n, topWidth] alternatives, best first, padded with -1; topWidth = largest topLogprobs in the plan. */
  readonly topTokens: Int32Array;
  readonly topLogprobs: Float32Array; // [n, topWidth]
  readonly topWidth: number;
  /** [sum(counts), vocabSize] with `logits: 'all'`, else empty. */
  readonly logits: Float32Array;
  /** [sum(counts) of the plan's `hidden`, hiddenSize] in f32, entry by entry; empty where there are none. */
  readonly hidden: Float32Array;
  /** Wall time of the step on the engine's thread: checks, executor, sampling; microseconds. */
  readonly stepMicros: number;
}

/** Counters since the engine started; tests assert on these. All sizes in bytes. */
export interface EngineStats {
  readonly steps: number;
  readonly tokensPrefilled: number; // tokens of steps with count > 1 or sample = 0
  readonly tokensDecoded: number; // sampled tokens
  readonly encodes: number; // batches through encoders
  readonly tokensEncoded: number; // in them
  readonly sequences: number; // alive now
  readonly weightBytes: number;
  /** Bytes of the tensors of the model that is being loaded, or was last; live, where all else is as of the last command. */
  readonly loadingBytes: number;
  /** Of them, those its executor has taken. */
  readonly loadedBytes: number;
  /**
   * Memory of KV, alive now; what several sequences hold counts once. `mlx`: allocated buffers. `cpu`: blocks of 256 tokens as far
   * as they have been written, in steps of 16 tokens or of what fills a page of the system.
   */
  readonly kvBytes: number;
  /** What the sequences alive hold beyond `kvBytes`: memory that n of them hold counts n - 1 times. */
  readonly kvSharedBytes: number;
  readonly mlxActiveBytes: number;
  readonly mlxPeakBytes: number;
  readonly mlxCacheBytes: number;
  /** Appends that had to move or grow a buffer, against appends done in place. */
  readonly kvGrowths: number;
  readonly kvAppends: number;
  /** Copied because an append met memory that another sequence holds too: an append less than 16 tokens per layer (`mlx`: 256). */
  readonly kvCopiedBytes: number;
  /**
   * Tokens of KV, over layers and steps, that a sequence attended to in one pass with another one of its step that holds the same
   * memory, and so did not read again. 0 with `mlx`, which attends sequence by sequence.
   */
  readonly kvSharedReads: number;
  /** Null unless the engine's options asked for it. */
  readonly profile: StepProfile | null;
}

/**
 * What a step does, in order: `embedding` (and the angles of RoPE), `projections` (norm, q, k, v), `append` (q and k norms, RoPE, writing
 * K and V), `attention`, `output` (o), `gate` (norm, gate, up, activation; a mixture of experts has all of itself here), `down`,
 * `head` (norm, logits), `sampling`. The `mlx` executor runs one graph and counts `sampling` only.
 */
export type StepPart = 'embedding' | 'projections' | 'append' | 'attention' | 'output' | 'gate' | 'down' | 'head' | 'sampling';

/** Time of all steps since the engine started, as the engine thread sees it, microseconds. */
export interface StepProfile {
  /** Whole steps; what no part has is checking and planning. */
  readonly totalMicros: number;
  /** Work of the engine thread itself, and then waiting for the other threads. */
  readonly parts: Readonly<Record<StepPart, { readonly micros: number; readonly waitingMicros: number }>>;
}

export interface BackendInfo {
  readonly mlxVersion: string;
  /** Device of the `mlx` executor. */
  readonly device: 'cpu' | 'metal' | 'cuda';
  /** Instruction set the `cpu` executor chose. */
  readonly instructionSet: string;
  /** Bytes the backend says it can use; 0 where it does not know. */
  readonly deviceMemoryBytes: number;
}

export class Engine {
  constructor(options: EngineOptions);
  info(): BackendInfo;
  stats(): EngineStats;
  /** Fails with ERR_MODEL_FILE naming file and tensor, or ERR_OUT_OF_MEMORY with the figures. */
  loadModel(options: LoadOptions): Promise<LoadedModel>;
  /** As loadModel. */
  loadEncoder(options: EncoderLoadOptions): Promise<LoadedEncoder>;
  /** The whole batch in one crossing. Refused (ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY) before anything is allocated. */
  encode(plan: EncodePlan): Promise<EncodeResult>;
  /** Of encoders too. Drops the model's sequences. What is being saved or loaded for it is finished before it settles. */
  unloadModel(model: ModelId): Promise<void>;
  /** An empty sequence; its KV grows in multiples of 256 tokens. */
  createSequence(model: ModelId, sampling: SamplingOptions): Promise<SequenceId>;
  /**
   * A new sequence of the first `length` tokens of another one, which stays as it was. Both hold the same KV: the fork
   * itself allocates and copies none of it. An append to memory that both hold may copy the last tokens of it, per layer less
   * than 16 with `cpu` and 256 with `mlx`, and the step is admitted or refused with that copy in mind.
   * Tokens count as seen for the repetition penalty; the output counts and the draw index start anew. Windowed layers
   * forget as in `truncateSequence`: a cut that would need it gives an empty sequence, and its length says so.
   */
  forkSequence(sequence: SequenceId, length: number, sampling: SamplingOptions): Promise<ForkedSequence>;
  /** Replaces the sampling state: output counts for penalties and the draw index start again. */
  setSampling(sequence: SequenceId, sampling: SamplingOptions): Promise<void>;
  /**
   * Keeps the first `length` tokens and resolves to the length really kept. Windowed layers forget what left their
   * window, so a cut that would need it keeps 0: prefill again. Where layers recur, any cut does.
   */
  truncateSequence(sequence: SequenceId, length: number): Promise<number>;
  /** Unknown ids are ignored, so that dropping twice is harmless. */
  dropSequence(sequence: SequenceId): Promise<void>;
  /** Bytes of an image of `count` tokens in `layers`. */
  kvImageBytes(model: ModelId, count: number, layers: Int32Array): number;
  /**
   * Writes images of a sequence to an open file, and resolves to their checksums when the operating system has taken the bytes
   * (syncing is the caller's). What is saved is the sequence as it is when the command runs: it is held as by a fork, so steps go
   * on meanwhile and may cut, append or drop. Bytes between tokens (padding, the unused rest of a panel) are written as zero: equal
   * tokens give equal images. Writes happen on a thread of low priority. ERR_IO with the errno; ERR_INVALID_ARGUMENT for tokens that
   * the sequence does not hold (windowed layers forget), and then nothing was written.
   */
  saveKv(sequence: SequenceId, fd: number, images: readonly KvImage[]): Promise<BigUint64Array>;
  /**
   * Appends tokens whose KV was saved, and keeps the first `length` of the whole: the images hold whole blocks as they were saved, and for
   * every layer what a sequence of `length` tokens still sees (windowed layers: their window) and what comes after. Where layers recur, `length` is all of it, and their image that of the last block. The sequence's
   * length must be a multiple of 256, and nothing else may use it until the call settles; steps of other sequences go on. Memory is
   * admitted first (ERR_OUT_OF_MEMORY). On ERR_KV_CORRUPT (a short file included) or ERR_IO the sequence is as it was. Afterwards it
   * gives, bit for bit, what the sequence that was saved gave.
   */
  loadKv(sequence: SequenceId, tokens: Int32Array, images: readonly SavedKvImage[], length: number): Promise<void>;
  /** XXH64 of bytes of a file, read on the thread that loads. ERR_IO where they cannot be read; ENODATA where the file ends within them. */
  checksumFile(fd: number, offset: number, bytes: number, seed: bigint): Promise<bigint>;
  /**
   * All sequences of a plan belong to one model. A plan that is refused before it runs (ERR_INVALID_ARGUMENT, or
   * ERR_OUT_OF_MEMORY from origin `engine.admit`) changes nothing; on any other failure every sequence of the plan is
   * dropped: their KV may hold part of the step.
   */
  step(plan: StepPlan): Promise<StepResult>;
  /** As `step`, while another one may be under way; null where it was withdrawn before it began: then nothing has changed. */
  stepAhead(plan: StepPlan): Promise<StepResult | null>;
  /** Of what `stepAhead` was asked for until now, whatever has not begun does not run. */
  withdrawAhead(): void;
  /**
   * Ends the thread after the command in progress. Commands behind it and later calls reject with ERR_ENGINE_CLOSED
   * (`info` and `stats` throw it); closing again resolves.
   */
  close(): Promise<void>;
}
