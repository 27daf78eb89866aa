/** A conversation by what its prompt is made of, in order, so that it is known again when it goes on, without keeping any of its text. */
import type { Sha256 } from './block-hash.js';
import type { ChatMessage } from './chat-message.js';

/** One entry per part: the messages, and the tools behind the system message. */
export interface Outline {
  /** Of all parts up to and with this one. */
  readonly hashes: readonly number[];
  /** Of text in all parts up to and with this one. */
  readonly characters: readonly number[];
}

/** The end of an outline: enough to see that another one goes on from there. */
export interface OutlineEnd {
  readonly parts: number;
  readonly hash: number;
}

/** 48 bits: a number holds them, and a mistake costs nothing but time. */
const HASH_DIGITS = 12;

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[];
}

export function outlineOf(conversation: Conversation, sha256: Sha256): Outline {
  const work = outlineInSteps(conversation, sha256);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Pauses after every part. */
export function* outlineInSteps({ messages, tools }: Conversation, sha256: Sha256): Generator<void, Outline, void> {
  const [first, ...rest] = messages;
  const parts = [...(first === undefined ? [] : [first]), ...(tools.length === 0 ? [] : [tools]), ...rest];
  const encoder = new TextEncoder();
  const hashes: number[] = [];
  const characters: number[] = [];
  for (const part of parts) {
    const text = JSON.stringify(part);
    hashes.push(Number.parseInt(sha256(encoder.encode(`${hashes.at(-1) ?? ''}\n${text}`)).slice(0, HASH_DIGITS), 16));
    characters.push((characters.at(-1) ?? 0) + text.length);
    yield;
  }
  return { hashes, characters };
}

export function endOf({ hashes }: Outline): OutlineEnd {
  return { parts: hashes.length, hash: hashes.at(-1) ?? 0 };
}

/** Whether it begins with all of an earlier one; with nothing else where it is the same once more. */
export function goesOnFrom({ parts, hash }: OutlineEnd, now: Outline): boolean {
  return parts > 0 && now.hashes[parts - 1] === hash;
}

export function charactersOf({ characters }: Outline): number {
  return characters.at(-1) ?? 0;
}

/** Characters of the parts that both begin with. */
export function sharedCharacters(a: Outline, b: Outline): number {
  const first = a.hashes.findIndex((hash, i) => hash !== b.hashes[i]);
  return a.characters[(first < 0 ? a.hashes.length : first) - 1] ?? 0;
}
