/** What the engine needs from the outside world. Adapters implement these; each port has a contract suite under tests/. */
import type { AgentContext } from './domain/agent.js';
import type { BlockHash } from './domain/block-hash.js';
import type { CacheReport } from './domain/cache-report.js';
import type { ChatMessage } from './domain/chat-message.js';
import type { Checkpoint } from './domain/checkpoint.js';
import type { DecoderSpec } from './domain/decoder-spec.js';
import type { ErrorCode } from './domain/errors.js';
import type { KvBlock, KvImageKey } from './domain/kv-block.js';
import type { OutputConstraint } from './domain/output-constraint.js';
import type { Pooling } from './domain/pooling.js';
import type { RequestStage } from './domain/request-stage.js';
import type { SamplingParams } from './domain/sampling.js';

/** Ragged batch of one step: see StepPlan in native/index.d.ts. */
export interface RunnerPlan {
  readonly entries: readonly RunnerEntry[];
}

export interface RunnerEntry {
  readonly sequence: number;
  readonly tokens: Int32Array; // appended to the sequence's KV; length >= 1; -1 as the first: what the sequence sampled last
  readonly sample: boolean;
  /** Tokens the sample is one of: bit t % 32 of word t / 32, over the vocabulary; all where there is none. Only where it samples. */
  readonly mask?: Uint32Array;
  /** The hidden state behind the final norm is wanted at each of its tokens. */
  readonly hidden?: boolean;
}

export interface RunnerOutput {
  /** One per entry, in order; null where nothing was sampled. */
  readonly samples: readonly (Sample | null)[];
  /** [tokens, hiddenSize] of each entry; null where they were not wanted, and none at all where nobody wanted any. */
  readonly hidden?: readonly (Float32Array | null)[];
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
  readonly hiddenSize: number;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  createSequence(sampling: SamplingParams): Promise<number>;
  /** A new sequence of the first `length` tokens of another, sharing its KV; `length` 0 where that cannot be (windowed layers). */
  forkSequence(sequence: number, length: number, sampling: SamplingParams): Promise<{ readonly sequence: number; readonly length: number }>;
  setSampling(sequence: number, sampling: SamplingParams): Promise<void>;
  truncateSequence(sequence: number, length: number): Promise<number>;
  dropSequence(sequence: number): Promise<void>;
  step(plan: RunnerPlan): Promise<RunnerOutput>;
  /** As `step`, asked for while another one is under way; null where it was withdrawn before it began. */
  stepAhead(plan: RunnerPlan): Promise<RunnerOutput | null>;
  /** Steps that were asked for ahead and have not begun do not run. */
  withdrawAhead(): void;
  unload(): Promise<void>;
}

/** A loaded encoder. It reads each input as a whole and keeps nothing of it. Implemented over the native addon. */
export interface EncoderRunner {
  /** Longest input, in tokens. */
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly weightBytes: number;
  /** One vector [hiddenSize] per input, in order, not normalised; the same in whatever company. */
  encode(inputs: readonly Int32Array[], pooling: Pooling): Promise<EncoderOutput>;
  unload(): Promise<void>;
}

export interface EncoderOutput {
  readonly vectors: readonly Float32Array[];
  readonly micros: number;
}

/** Tokens [start, start + count) of a sequence in some layers as bytes of a file: a block (`start` is a multiple of 256) or its beginning. */
export interface KvImage {
  readonly start: number;
  readonly count: number; // 1..256
  readonly layers: Int32Array;
  readonly offset: number;
  /** Start value of its XXH64: the identity of what is saved. */
  readonly seed: bigint;
}

export interface SavedKvImage extends KvImage {
  /** Open until the call settles. */
  readonly fd: number;
  readonly checksum: bigint;
}

/**
 * Moves KV between sequences and files, beside the steps. CacheCorruption for images that are not what was saved (the cause's `image`
 * says which), CachePersistence for what the operating system refused (the cause's `errno`). Longer: native/index.d.ts.
 */
export interface KvMover {
  /** Images of one layout are of no use to another; part of a fingerprint. */
  readonly kvLayout: string;
  /** Bytes of an image of `count` tokens. */
  kvImageBytes(count: number, layers: Int32Array): number;
  /** Writes the sequence as it is when the command runs; resolves to the checksums. Steps, cuts and drops go on meanwhile. Syncs nothing. */
  saveKv(sequence: number, fd: number, images: readonly KvImage[]): Promise<BigUint64Array>;
  /**
   * Appends `tokens`, whose KV the images hold, and keeps the first `length` of all: for every layer what a sequence of `length` tokens
   * sees and what comes after, in whole blocks, each once. The
   * sequence holds a multiple of 256 tokens and is used by nothing else meanwhile; after a failure it is as it was.
   */
  loadKv(sequence: number, tokens: Int32Array, images: readonly SavedKvImage[], length: number): Promise<void>;
  /** XXH64 of bytes of a file; CachePersistence where they are not all there. */
  checksumFile(fd: number, offset: number, bytes: number, seed: bigint): Promise<bigint>;
}

export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** Ids that end a turn: eos, eot, im_end ... */
  readonly stopTokenIds: readonly number[];
  /** Same ids as Hugging Face `tokenizers` gives; special tokens in the text become their ids. */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): Int32Array;
  /** The same, a few milliseconds at a time or elsewhere: a long text takes hundreds. */
  encodeInSlices(text: string, options: { readonly addSpecialTokens: boolean }): Promise<Int32Array>;
  decode(ids: ArrayLike<number>, options: { readonly skipSpecialTokens: boolean }): string;
  /** Text of one token as it stands in the vocabulary, for logprobs: its bytes, and a printable form. */
  tokenBytes(id: number): Uint8Array;
  /** Whether a token is text, as opposed to one that controls, and to an id that is not given away. */
  isText(id: number): boolean;
  createStream(options: { readonly skipSpecialTokens: boolean }): Detokenizer;
}

/** Turns what an answer has to be into something that can be followed token by token. */
export interface ConstraintCompiler {
  /** Beside the steps, in slices. Throws InvalidRequest for what is not supported, too large, or takes too long. */
  compile(constraint: OutputConstraint): Promise<CompiledConstraint>;
}

export interface CompiledConstraint {
  start(): TokenConstraint;
}

/** Where one answer is in its constraint. */
export interface TokenConstraint {
  /** Nothing more has to come. */
  readonly isComplete: boolean;
  /** Bits of the tokens that may come next, those of `ends` among them where it is complete; null where there are none. */
  mask(ends: Iterable<number>): Uint32Array | null;
  /** `token` was one of the mask and none of `ends`. */
  accept(token: number): void;
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

/** Milliseconds since 1970. It may jump. */
export interface Clock {
  now(): number;
}

/** Milliseconds since some start, which never go back; and calls that come later. */
export interface Timer {
  now(): number;
  /** Calls `run` once, in so many milliseconds; the function returned prevents it. */
  after(milliseconds: number, run: () => void): () => void;
}

/** An image to be written: which, of what block, and how many bytes. */
export interface NewKvImage {
  readonly block: KvBlock;
  readonly kind: number;
  readonly bytes: number;
}

/** An extent being written: the caller puts the images' bytes at their offsets, then commits. Until then nothing of it counts. */
export interface ExtentWriter {
  readonly fd: number;
  /** One per image, in order. */
  readonly places: readonly { readonly offset: number; readonly seed: bigint }[];
  /**
   * Syncs the data, then enters the images into the index, as owned by `owner`, in one transaction. Throws CachePersistence, and
   * then nothing is stored.
   */
  commit(checksums: ArrayLike<bigint>, owner: string | null): Promise<void>;
  abandon(): Promise<void>;
}

export interface StoredBlock extends KvBlock {
  /** Of the model and everything else the KV depends on; short, for display and for cleaning up. */
  readonly fingerprint: string;
  /** Layer kinds whose image is there. */
  readonly kinds: readonly number[];
}

export interface OpenKvImage extends KvImageKey {
  readonly fd: number;
  readonly offset: number;
  readonly bytes: number;
  readonly seed: bigint;
  readonly checksum: bigint;
}

export interface StoreStatus {
  readonly directory: string;
  /** `suspended`: nothing is written until the condition is over; reading goes on. `off`: no store is configured. */
  readonly state: 'ready' | 'suspended' | 'off';
  /** Why it is suspended; null while ready. */
  readonly reason: string | null;
  readonly agents: number;
  readonly blocks: number;
  readonly images: number;
  readonly extents: number;
  /** Of images; what agents share counts once. */
  readonly bytes: number;
  /** What it would be if every owner had its own. */
  readonly ownedBytes: number;
  /** In extents, of images that are gone: compaction brings it back. */
  readonly deadBytes: number;
  readonly quarantined: number;
  /** Blocks that made way to others, since it was opened. */
  readonly evicted: number;
  readonly writtenBytes: number; // since the daemon started
  readonly writtenTodayBytes: number;
  readonly limits: { readonly maxBytes: number; readonly minFreeBytes: number; readonly maxBytesPerDay: number };
}

export interface VerifyReport {
  readonly blocks: number;
  readonly images: number;
  readonly bytes: number;
  readonly damaged: readonly { readonly hash: BlockHash; readonly kind: number; readonly extent: string; readonly reason: string }[];
}

/**
 * Blocks and agents on disk. Lookups are answered from memory; whatever touches the disk is a promise. It knows no model and no
 * sequence: bytes go from and to the files it opens by other hands. Blocks are immutable and told apart by hash alone.
 */
export interface KvStore {
  status(): StoreStatus;

  get(hash: BlockHash): StoredBlock | null;
  /** Blocks that follow `parent`, those that are not full included. */
  childrenOf(parent: BlockHash): readonly StoredBlock[];
  /** All blocks of whose hash `digits` are the first. */
  find(digits: string): readonly StoredBlock[];
  describe(hash: BlockHash): {
    readonly owners: readonly string[];
    readonly images: readonly { readonly kind: number; readonly bytes: number; readonly extent: string }[];
  } | null;

  /**
   * A new extent for images that are not stored yet. Throws CachePersistence where the governor or the disk forbids it (size cap,
   * free-space floor, bytes per day, read-only), after what may go was evicted.
   */
  beginExtent(images: readonly NewKvImage[], fingerprint: string): Promise<ExtentWriter>;
  /** Opens stored images for reading; they can be read until `close`, whatever is deleted meanwhile. Throws CacheCorruption where a file is gone. */
  openImages(keys: readonly KvImageKey[]): Promise<{ readonly images: readonly OpenKvImage[]; close(): Promise<void> }>;
  /** These will probably be read soon: the disk may begin. Resolves when it has read them, or will not; never rejects. */
  announce(keys: readonly KvImageKey[]): Promise<void>;
  /** Puts an image aside that failed its checksum: it is not found any more, and a copy is kept for inquiry. */
  quarantine(key: KvImageKey, reason: string): Promise<void>;

  /** `owner` uses these blocks: for counting, and so that they go last (pinned: never) and only when no one else uses them. */
  own(owner: string, hashes: readonly BlockHash[]): Promise<void>;
  pin(owner: string, pinned: boolean): Promise<void>;
  /** `owner` is no more: what it used stays, as long as there is room. */
  disown(owner: string): Promise<void>;
  /** Lets go of blocks that newer ones stand for; those that others use too, or that another goes on from, stay. */
  discard(owner: string | null, hashes: readonly BlockHash[]): Promise<void>;
  /** For the order of eviction. */
  touch(hashes: readonly BlockHash[]): void;
  /** Lets go of what only `owner` uses, and gives the space back: afterwards no file has a byte of it. Resolves when that was verified. */
  purge(owner: string): Promise<{ readonly blocks: number; readonly bytes: number }>;
  /** What `purge` would remove. */
  ownedAlone(owner: string): { readonly blocks: number; readonly bytes: number };

  /** As they were when the store was opened, and `put` and `drop` since. */
  agents(): readonly AgentContext[];
  /** Durable when it resolves. */
  putAgent(agent: AgentContext): Promise<void>;
  dropAgent(id: string): Promise<void>;

  verify(onProgress?: (done: number, total: number) => void): Promise<VerifyReport>;
  /** One file: manifest, images, checksums. The chunks sum up to `bytes`. */
  exportAgent(
    agent: AgentContext,
    images: readonly KvImageKey[],
  ): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }>;
  /**
   * Takes in what `exportAgent` wrote. `accept` sees agent and blocks first; it throws to refuse them, or says what to store them as:
   * the same blocks in the same order, under the hashes they have here. CacheCorruption for a file that is damaged or cut, and then
   * nothing is stored.
   */
  importAgent(
    file: AsyncIterable<Uint8Array>,
    accept: (agent: AgentContext, blocks: readonly KvBlock[]) => { readonly agent: AgentContext; readonly blocks: readonly KvBlock[] },
  ): Promise<AgentContext>;
  close(): Promise<void>;
}

/** XXH64 of a range of an open file, off the event loop. */
export type ChecksumFile = (fd: number, offset: number, bytes: number, seed: bigint) => Promise<bigint>;

/** Told what an engine does as it does it, for metrics and traces. Nothing of it may throw, and nobody waits for it. */
export interface EngineObserver {
  /** A step with so many sequences, which sampled `decoded` tokens and put `prefilled` tokens of prompts into the KV. */
  step(sequences: number, decoded: number, prefilled: number): void;
  /** Milliseconds between two tokens of one answer. */
  gap(ms: number): void;
  /** Milliseconds from a request's arrival to its first token. */
  firstToken(ms: number): void;
  /** What was found of a prompt. */
  started(report: CacheReport): void;
  /** A request is over after `ms`: `ok`, or the code of the error that ended it. `isRefused`: it never came into the queue. */
  ended(outcome: 'ok' | ErrorCode, ms: number, isRefused: boolean): void;
  /** So many kept sequences made way in memory. */
  evicted(sequences: number): void;
  /** KV of one sequence was written to disk. */
  persisted(ms: number, bytes: number): void;
  /** A stage of a request with a `trace` is over. */
  stage(stage: RequestStage): void;
}

export const NO_OBSERVER: EngineObserver = {
  step: () => undefined,
  gap: () => undefined,
  firstToken: () => undefined,
  started: () => undefined,
  ended: () => undefined,
  evicted: () => undefined,
  persisted: () => undefined,
  stage: () => undefined,
};
