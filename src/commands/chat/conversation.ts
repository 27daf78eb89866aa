/** The turns so far, and the request each new one makes. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Config } from '../../adapters/config/schema.js';
import type { ChatMessage } from '../../core/domain/chat-message.js';
import { type EngineEvent, NOBODYS_KV, type TextGenerator } from '../../core/domain/request.js';

export interface ConversationOptions {
  readonly system: string | null;
  readonly maxTokens: number | null;
  readonly seed: number | null;
  readonly stop: readonly string[];
}

export class Conversation {
  readonly #generator: TextGenerator;
  readonly #sampling: Config['sampling'];
  readonly #options: ConversationOptions;
  readonly #sessionId = randomUUID();
  readonly #messages: ChatMessage[];

  constructor(generator: TextGenerator, sampling: Config['sampling'], options: ConversationOptions) {
    this.#generator = generator;
    this.#sampling = sampling;
    this.#options = options;
    this.#messages = options.system === null ? [] : [{ role: 'system', content: options.system }];
  }

  /** Streams the answer; what came of it, whole or stopped, becomes part of the conversation. */
  async *say(text: string, signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    const { maxTokens, seed, stop } = this.#options;
    const { temperature, top_k: topK, top_p: topP, min_p: minP, repetition_penalty: repetitionPenalty } = this.#sampling;
    const messages = [...this.#messages, { role: 'user', content: text }];
    const request = {
      messages,
      tools: [],
      sampling: {
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        frequencyPenalty: 0,
        presencePenalty: 0,
        logitBias: new Map<number, number>(),
        // 48 random bits: a seed that survives JSON's numbers.
        seed: seed === null ? BigInt(randomBytes(6).readUIntLE(0, 6)) : BigInt.asUintN(64, BigInt(seed)),
        topLogprobs: 0,
      },
      logprobs: false,
      maxTokens,
      stopStrings: stop,
      stopTokenIds: [],
      ignoreEos: false,
      ...NOBODYS_KV,
      sessionId: this.#sessionId,
    };
    let answer = '';
    try {
      for await (const event of this.#generator.submit(request, signal === undefined ? {} : { signal })) {
        if (event.type === 'token') answer += event.text;
        yield event;
      }
    } finally {
      if (answer !== '') this.#messages.push({ role: 'user', content: text }, { role: 'assistant', content: answer });
    }
  }
}
