/**
 * Rules that make one text of what says the same, so that its KV is found again (docs/canonical-text.md). Each can be switched off. What a
 * conversation has no place for (ids, cache markers, whether a text came as a string or as parts) is gone before, whatever the rules.
 */
import type { ConversationMessage, ToolDefinition } from './conversation.js';

export const CANONICAL_RULES = ['billing_line', 'tool_order', 'early_system', 'system_in_middle', 'trailing_whitespace'] as const;
export type CanonicalRule = (typeof CANONICAL_RULES)[number];
export type CanonicalRules = Readonly<Record<CanonicalRule, boolean>>;

export interface CanonicalText {
  readonly conversation: readonly ConversationMessage[];
  readonly tools: readonly ToolDefinition[];
}

type Rule = (text: CanonicalText) => CanonicalText;

/** In the order of their names above. Each gives back what it was given where there is nothing to change. */
const RULES: Readonly<Record<CanonicalRule, Rule>> = {
  billing_line: (text) => {
    const start = startOf(text.conversation);
    return changed(text, (message, i) => (i < start ? withText(message, message.text.replace(BILLING_LINE, '')) : message));
  },
  tool_order: ({ conversation, tools }) => {
    const sorted = tools.toSorted((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
    return { conversation, tools: sorted.some((tool, i) => tool !== tools[i]) ? sorted : tools };
  },
  early_system: ({ conversation, tools }) => {
    const answer = conversation.findIndex(({ role }) => role === 'assistant');
    const before = conversation.slice(0, answer < 0 ? conversation.length : answer);
    const told = before.filter(({ role }) => role === 'system');
    if (told.length === startOf(conversation)) return { conversation, tools };
    const asked = before.filter(({ role }) => role !== 'system');
    return { conversation: [...told, ...asked, ...conversation.slice(before.length)], tools };
  },
  system_in_middle: (text) => {
    const start = startOf(text.conversation);
    return changed(text, (message, i) => (i >= start && message.role === 'system' ? { role: 'user', text: message.text } : message));
  },
  trailing_whitespace: (text) =>
    changed(text, (message) => (message.role === 'system' || message.role === 'user' ? withText(message, trimmed(message.text)) : message)),
};

/** The first line of a system prompt, and the empty line behind it. Its value differs in every session. */
const BILLING_LINE = /^x-anthropic-billing-header:[^\n]*(?:\n\s*)?/;

/** `applied`: the rules that changed something. */
export function canonicalText(text: CanonicalText, rules: CanonicalRules): CanonicalText & { readonly applied: readonly CanonicalRule[] } {
  const applied: CanonicalRule[] = [];
  let now = text;
  for (const name of CANONICAL_RULES) {
    if (!rules[name]) continue;
    const next = RULES[name](now);
    if (next.conversation !== now.conversation || next.tools !== now.tools) applied.push(name);
    now = next;
  }
  return { ...now, applied };
}

/** Where the system messages before all others end. */
function startOf(conversation: readonly ConversationMessage[]): number {
  const start = conversation.findIndex(({ role }) => role !== 'system');
  return start < 0 ? conversation.length : start;
}

function changed(
  { conversation, tools }: CanonicalText,
  change: (message: ConversationMessage, index: number) => ConversationMessage,
): CanonicalText {
  const next = conversation.map(change);
  return { conversation: next.some((message, i) => message !== conversation[i]) ? next : conversation, tools };
}

function withText<Message extends ConversationMessage>(message: Message, text: string): Message {
  return text === message.text ? message : { ...message, text };
}

/** Text that is nothing but whitespace stays: it is there for some reason. */
function trimmed(text: string): string {
  const kept = text.trimEnd();
  return kept === '' ? text : kept;
}
