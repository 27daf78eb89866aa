/**
 * Answers with tool calls as they were emitted. A client sends a call back as JSON in its own formatting; what the model reads then is
 * what it wrote, byte for byte, so that its KV is found again: also by the next process, where records are kept.
 */
import type { ConversationMessage, ToolCall } from './conversation.js';

export interface EmittedAnswer {
  /** All of it, marks included. */
  readonly raw: string;
  readonly text: string;
  readonly calls: readonly ToolCall[];
}

/** Texts that outlive the process, by whose conversation they are of and the id of their first call. */
export interface EmittedRecords {
  put(key: RecordKey, text: string): void;
  get(key: RecordKey): Promise<string | null>;
}

interface RecordKey {
  readonly scope: string;
  readonly id: string;
}

export interface EmittedAnswersOptions {
  /** Kept in memory. */
  readonly most: number;
  /** Null = they are forgotten with the process. */
  readonly records: EmittedRecords | null;
  /** Fingerprint of the model: another one writes calls in another way. */
  readonly model: string;
}

type Said = Pick<Extract<ConversationMessage, { readonly role: 'assistant' }>, 'text' | 'calls'>;

export class EmittedAnswers {
  /** By the id of its first call, the least recently used first. */
  readonly #answers = new Map<string, EmittedAnswer>();

  constructor(private readonly options: EmittedAnswersOptions) {}

  get size(): number {
    return this.#answers.size;
  }

  /** `owner`: whose conversation it is of; null = it is not to outlive the process. */
  remember(answer: EmittedAnswer, owner: string | null): void {
    const [first] = answer.calls;
    if (first === undefined) return;
    this.#hold(first.id, answer);
    if (owner === null) return;
    const { records, model } = this.options;
    records?.put({ scope: owner, id: first.id }, JSON.stringify({ model, ...answer }));
  }

  /** Takes up again what an earlier process wrote of a conversation. */
  async recall(conversation: readonly ConversationMessage[], owner: string): Promise<void> {
    const { records } = this.options;
    if (records === null) return;
    const ids = conversation.flatMap((message) => (message.role === 'assistant' ? message.calls.slice(0, 1).map(({ id }) => id) : []));
    await Promise.all(ids.filter((id) => !this.#answers.has(id)).map((id) => this.#recallOne(records, owner, id)));
  }

  /** The answer that began with this call; null where it is not known. */
  beginningWith(call: ToolCall | undefined): EmittedAnswer | null {
    return call === undefined ? null : (this.#answers.get(call.id) ?? null);
  }

  /** What was emitted, if the message still says the same; null for one that was edited, or is not known. */
  find(message: Said): string | null {
    const [first] = message.calls;
    const answer = this.beginningWith(first);
    if (answer === null || !isSame(answer, message)) return null;
    this.#hold(first!.id, answer);
    return answer.raw;
  }

  async #recallOne(records: EmittedRecords, owner: string, id: string): Promise<void> {
    const text = await records.get({ scope: owner, id });
    if (text === null) return;
    const { model, ...answer } = JSON.parse(text) as EmittedAnswer & { readonly model: string };
    if (model !== this.options.model) return;
    this.#hold(id, answer);
  }

  #hold(id: string, answer: EmittedAnswer): void {
    this.#answers.delete(id);
    this.#answers.set(id, answer);
    if (this.#answers.size > this.options.most) this.#answers.delete(this.#answers.keys().next().value!);
  }
}

function isSame(answer: EmittedAnswer, { text, calls }: Said): boolean {
  if (answer.text.trim() !== text.trim() || answer.calls.length !== calls.length) return false;
  return answer.calls.every((call, i) => call.name === calls[i]!.name && isSameJson(call.arguments, calls[i]!.arguments));
}

/** Whatever the whitespace and the order of keys. */
function isSameJson(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return canonical(JSON.parse(a)) === canonical(JSON.parse(b));
  } catch {
    return false;
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
