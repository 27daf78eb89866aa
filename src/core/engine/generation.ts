/** One request on its way: what was sampled so far, the text that makes, and why it ends. */
import type { CacheReport } from '../domain/cache-report.js';
import { PooledStates } from '../domain/pooled-states.js';
import { SemanticError } from '../domain/errors.js';
import type { EngineEvent, FinishReason, GenerationRequest, TokenLogprob } from '../domain/request.js';
import type { Detokenizer, Sample, TokenConstraint, Tokenizer } from '../ports.js';
import type { EventQueue } from './event-queue.js';
import { Pace } from './pace.js';
import type { Stages } from './stages.js';
import { StopStrings } from './stop-strings.js';

export interface GenerationOptions {
  readonly id: number;
  readonly request: GenerationRequest;
  readonly prompt: Int32Array; // [promptTokens]
  /** Most tokens to sample, >= 1. */
  readonly maxTokens: number;
  readonly tokenizer: Tokenizer;
  readonly constraint: TokenConstraint | null;
  readonly events: EventQueue<EngineEvent>;
  readonly stages: Stages;
  /** By the engine's timer. */
  readonly arrivedAt: number;
}

export class Generation {
  readonly id: number;
  readonly request: GenerationRequest;
  readonly prompt: Int32Array;
  readonly events: EventQueue<EngineEvent>;
  readonly stages: Stages;
  readonly pace: Pace;
  readonly maxTokens: number;
  /** Set from outside; the loop lets the generation go before its next step. */
  cancelled = false;
  readonly #tokenizer: Tokenizer;
  readonly #stopIds: ReadonlySet<number>;
  readonly #detokenizer: Detokenizer;
  readonly #stopStrings: StopStrings;
  readonly #constraint: TokenConstraint | null;
  #mask: Uint32Array | null = null;
  readonly #outputs: number[] = [];
  readonly #states: PooledStates | null;
  #cachedTokens: number | null = null;
  #text = '';

  constructor(options: GenerationOptions) {
    const { request, tokenizer } = options;
    this.id = options.id;
    this.request = request;
    this.prompt = options.prompt;
    this.events = options.events;
    this.stages = options.stages;
    this.pace = new Pace(options.arrivedAt);
    this.maxTokens = options.maxTokens;
    this.#tokenizer = tokenizer;
    this.#stopIds = new Set([...(request.ignoreEos ? [] : tokenizer.stopTokenIds), ...request.stopTokenIds]);
    this.#detokenizer = tokenizer.createStream({ skipSpecialTokens: request.keepSpecialTokens !== true });
    this.#stopStrings = new StopStrings(request.stopStrings);
    this.#constraint = options.constraint;
    this.#states = request.embeds === undefined ? null : new PooledStates(request.embeds);
    if (!this.#mayGoOn()) throw new SemanticError('InvalidRequest', '[constraint] no token of the model can begin such an answer');
  }

  /** Tokens the next sample is one of; null = any. */
  get mask(): Uint32Array | null {
    return this.#mask;
  }

  /** Of the answer so far. */
  get text(): string {
    return this.#text;
  }

  get numOutputs(): number {
    return this.#outputs.length;
  }

  /** What was sampled so far. */
  outputs(): Int32Array {
    return Int32Array.from(this.#outputs);
  }

  /** Whether it goes on after the next token, whichever that is, but for a stop. */
  get mayRunAhead(): boolean {
    return this.#constraint === null && !this.cancelled && !this.events.full && this.#outputs.length + 2 <= this.maxTokens;
  }

  get hasStarted(): boolean {
    return this.#cachedTokens !== null;
  }

  start(cache: CacheReport): void {
    this.#cachedTokens = cache.cachedTokens;
    this.stages.enter('prefill');
    this.stages.count({ promptTokens: this.prompt.length, cachedTokens: cache.cachedTokens });
    if (!this.cancelled) this.events.push({ type: 'started', promptTokens: this.prompt.length, cachedTokens: cache.cachedTokens, cache });
  }

  /** Hidden states [n, width] of tokens of its prompt, from the one at `from` on. */
  addStates(from: number, rows: Float32Array, width: number): void {
    this.#states?.add(from, rows, width);
  }

  /** Takes a sampled token, emits its text, and says why the answer ends with it; null = it goes on. */
  accept(sample: Sample): FinishReason | null {
    this.#outputs.push(sample.token);
    if (this.#outputs.length === 1) this.stages.enter('decode');
    if (this.#stopIds.has(sample.token)) return this.#end('stop');
    const { text, stopped } = this.#stopStrings.push(this.#detokenizer.push(sample.token));
    this.#emit(text, this.request.logprobs ? this.#logprob(sample) : null);
    if (stopped) return 'stop_string';
    this.#constraint?.accept(sample.token);
    if (!this.#mayGoOn()) return this.#end('stop');
    return this.#outputs.length >= this.maxTokens ? this.#end('length') : null;
  }

  /** Finds what may come next. Throws where an answer that is not complete cannot go on. */
  #mayGoOn(): boolean {
    if (this.#constraint === null) return true;
    this.#mask = this.#constraint.mask(this.#stopIds);
    if (this.#mask === null && !this.#constraint.isComplete) {
      throw new SemanticError('InvalidRequest', '[constraint] no token of the model can go on with the answer so far');
    }
    return this.#mask !== null;
  }

  /** The first `length` tokens of prompt and output: what a sequence with that many KV tokens holds. */
  tokens(length: number): Int32Array {
    return Int32Array.from([...this.prompt, ...this.#outputs]).subarray(0, length);
  }

  /** Lets out what was held back; that may itself complete a stop string. */
  #end(reason: FinishReason): FinishReason {
    const { text, stopped } = this.#stopStrings.push(this.#detokenizer.flush());
    this.#emit(stopped ? text : text + this.#stopStrings.flush(), null);
    return stopped ? 'stop_string' : reason;
  }

  /** Tells the reader, once the sequence is given back. */
  finish(reason: FinishReason): void {
    const usage = {
      promptTokens: this.prompt.length,
      cachedTokens: this.#cachedTokens ?? 0,
      completionTokens: this.#outputs.length,
    };
    const tokens = this.tokens(this.prompt.length + this.#outputs.length);
    this.events.push({
      type: 'finished',
      reason,
      stopString: this.#stopStrings.found,
      usage,
      tokens,
      ...(this.#states === null ? {} : { embedding: this.#states.vector() }),
    });
    this.events.close();
  }

  #emit(text: string, logprob: TokenLogprob | null): void {
    this.#text += text;
    if (text !== '' || logprob !== null) this.events.push({ type: 'token', text, logprob });
  }

  #logprob({ token, logprob, top }: Sample): TokenLogprob {
    const bytes = (id: number): Uint8Array => this.#tokenizer.tokenBytes(id);
    return { token, bytes: bytes(token), logprob, top: top.map((entry) => ({ ...entry, bytes: bytes(entry.token) })) };
  }
}
