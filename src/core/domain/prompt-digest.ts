/** What a prompt was made of, in a few hashes: enough to say which part of it differs from another's, without keeping any text. */
import type { Sha256 } from './block-hash.js';
import type { ChatMessage } from './chat-message.js';

export interface PromptDigest {
  /** Of the system messages before all others. */
  readonly system: string;
  /** Of the tools, in their order, and whatever their order. */
  readonly tools: string;
  readonly toolSet: string;
  /** Of each message. */
  readonly messages: readonly string[];
}

const DIGITS = 16;

/** Of the messages a sequence holds: those of a request, and the answer where it has one. */
export function digestOf(
  { messages, tools }: { readonly messages: readonly ChatMessage[]; readonly tools: readonly unknown[] },
  sha256: Sha256,
): PromptDigest {
  const hash = (text: string): string => sha256(new TextEncoder().encode(text)).slice(0, DIGITS);
  const firstOther = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const texts = messages.map(canonical);
  const toolTexts = tools.map((tool) => JSON.stringify(tool));
  return {
    system: hash(JSON.stringify(texts.slice(0, firstOther < 0 ? texts.length : firstOther))),
    tools: hash(JSON.stringify(toolTexts)),
    toolSet: hash(JSON.stringify(toolTexts.toSorted())),
    messages: texts.map(hash),
  };
}

/** Whatever the order of its fields; those that say nothing (null, an empty list) are as if they were not there. */
function canonical(message: ChatMessage): string {
  const said = Object.entries(message).filter(
    ([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return JSON.stringify(said.sort(([a], [b]) => (a < b ? -1 : 1)));
}
