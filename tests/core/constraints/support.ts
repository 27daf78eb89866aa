/** Constraints without a model: texts against automata, and a small vocabulary that splits them in odd places. */
import type { Automaton } from '../../../src/core/constraints/automaton.js';
import { compileGrammar } from '../../../src/core/constraints/grammar/compile-grammar.js';
import type { ConstraintLimits } from '../../../src/core/constraints/limits.js';
import { Matcher } from '../../../src/core/constraints/masks/matcher.js';
import { TokenWalks } from '../../../src/core/constraints/masks/token-walks.js';
import { type VocabularyTrie, buildTrie } from '../../../src/core/constraints/masks/vocabulary-trie.js';
import { toGrammar } from '../../../src/core/constraints/to-grammar.js';
import type { OutputConstraint } from '../../../src/core/domain/output-constraint.js';

const utf8 = new TextEncoder();

export const LIMITS: ConstraintLimits = {
  maxSourceBytes: 65_536,
  maxStates: 20_000,
  compileTimeoutMs: 10_000,
  maxReadings: 1_000,
  maskCacheMb: 64,
  maxCompiled: 16,
  json: { whitespace: 'compact', maxIndent: 8 },
};

/** Calls in tags of their own, one a line. */
export const HERMES = {
  open: '',
  before: '<tool_call>\n{"name": "',
  between: '", "arguments": ',
  after: '}\n</tool_call>',
  separator: '\n',
  close: '',
};

export function run<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

export function automatonOf(constraint: OutputConstraint, limits: ConstraintLimits = LIMITS, longestToken = 16): Automaton {
  return run(compileGrammar(toGrammar(constraint, limits), { origin: constraint.kind, maxStates: limits.maxStates, longestToken }));
}

const NO_TOKENS = run(buildTrie(1, () => null));

export function byteMatcher(automaton: Automaton): Matcher {
  const walks = new TokenWalks(automaton, NO_TOKENS, 1);
  return new Matcher({ automaton, walks, words: 1, maxReadings: LIMITS.maxReadings, bytesOf: () => null });
}

export function accepts(automaton: Automaton, text: string): boolean {
  const matcher = byteMatcher(automaton);
  return matcher.acceptBytes(utf8.encode(text)) && matcher.isComplete;
}

/** By id. */
export type Vocabulary = readonly (Uint8Array | null)[];

/** All bytes, and then these; `null` are control tokens. */
export function vocabularyOf(texts: readonly (string | Uint8Array | null)[]): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return [...bytes, ...texts.map((text) => (typeof text === 'string' ? utf8.encode(text) : text))];
}

export function tokenMatcher(automaton: Automaton, vocabulary: Vocabulary): { readonly matcher: Matcher; readonly trie: VocabularyTrie } {
  const trie = run(buildTrie(vocabulary.length, (id) => vocabulary[id]!));
  const walks = new TokenWalks(automaton, trie, 1_000);
  const bytesOf = (id: number): Uint8Array | null => vocabulary[id] ?? null;
  return { matcher: new Matcher({ automaton, walks, words: trie.words, maxReadings: LIMITS.maxReadings, bytesOf }), trie };
}

export function idsOf(mask: Uint32Array | null): number[] {
  if (mask === null) return [];
  return Array.from({ length: mask.length * 32 }, (_, id) => id).filter((id) => ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1);
}
