/**
 * Answers with tool calls as they were emitted. A client sends a call back as JSON in its own formatting; what the model reads then is
 * what it wrote, byte for byte, so that its KV is found again.
 */
import type { ToolCall } from './conversation.js';

export interface EmittedAnswer {
  /** All of it, marks included. */
  readonly raw: string;
  readonly text: string;
  readonly calls: readonly ToolCall[];
}

export class EmittedAnswers {
  /** By the id of its first call, the least recently used first. */
  readonly #answers = new Map<string, EmittedAnswer>();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.#answers.size;
  }

  remember(answer: EmittedAnswer): void {
    const [first] = answer.calls;
    if (first === undefined) return;
    this.#answers.delete(first.id);
    this.#answers.set(first.id, answer);
    if (this.#answers.size > this.most) this.#answers.delete(this.#answers.keys().next().value!);
  }

  /** What was emitted, if the message still says the same; null for one that was edited, or is not known. */
  find(message: { readonly text: string; readonly calls: readonly ToolCall[] }): string | null {
    const [first] = message.calls;
    const answer = first === undefined ? undefined : this.#answers.get(first.id);
    if (answer === undefined || !isSame(answer, message)) return null;
    this.remember(answer);
    return answer.raw;
  }
}

function isSame(answer: EmittedAnswer, { text, calls }: { readonly text: string; readonly calls: readonly ToolCall[] }): boolean {
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
