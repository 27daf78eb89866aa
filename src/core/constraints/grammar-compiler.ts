/** Constraints over one tokenizer: compiled beside the steps, kept for the next request that has the same one. */
import type { OutputConstraint } from '../domain/output-constraint.js';
import type { SemanticError } from '../domain/errors.js';
import type { CompiledConstraint, ConstraintCompiler, Tokenizer } from '../ports.js';
import { compileGrammar } from './grammar/compile-grammar.js';
import { inSlices } from '../domain/in-slices.js';
import type { ConstraintLimits } from './limits.js';
import { Matcher } from './masks/matcher.js';
import { TokenWalks } from './masks/token-walks.js';
import { type VocabularyTrie, buildTrie } from './masks/vocabulary-trie.js';
import { type ConstraintKind, refusal, refuse } from './refuse.js';
import { toGrammar } from './to-grammar.js';

const utf8 = new TextEncoder();
const BYTES_PER_MB = 2 ** 20;

/** Of work, before the first constraint of all; about 0.1 s for 50,000 tokens. */
const TRIE_LIMIT_MS = 60_000;

export class GrammarCompiler implements ConstraintCompiler {
  readonly #tokenizer: Tokenizer;
  /** Of the model's logits; it may be larger than the tokenizer's. */
  readonly #vocabSize: number;
  readonly #limits: ConstraintLimits;
  /** By what was asked for; the one used last is the last. */
  readonly #compiled = new Map<string, Promise<CompiledConstraint>>();
  #trie: Promise<VocabularyTrie> | null = null;

  constructor(tokenizer: Tokenizer, vocabSize: number, limits: ConstraintLimits) {
    this.#tokenizer = tokenizer;
    this.#vocabSize = vocabSize;
    this.#limits = limits;
  }

  compile(constraint: OutputConstraint): Promise<CompiledConstraint> {
    const key = JSON.stringify(constraint);
    const known = this.#compiled.get(key);
    const compiled = known ?? this.#compile(constraint, key);
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    // What failed is not kept: it may have been for want of time.
    if (known === undefined) compiled.catch(() => this.#compiled.delete(key));
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= this.#limits.maxCompiled) break;
      this.#compiled.delete(oldest);
    }
    return compiled;
  }

  async #compile(constraint: OutputConstraint, key: string): Promise<CompiledConstraint> {
    const { maxSourceBytes, maxStates, maxReadings, compileTimeoutMs, maskCacheMb, maxCompiled, json } = this.#limits;
    const { kind: origin } = constraint;
    if (utf8.encode(key).length > maxSourceBytes) {
      refuse(origin, `it has more than ${maxSourceBytes} bytes`, 'Shorten it, or raise constraints.max_source_bytes.');
    }
    const trie = await (this.#trie ??= this.#buildTrie(origin));
    const grammar = toGrammar(constraint, { maxStates, json });
    const work = compileGrammar(grammar, { origin, maxStates, longestToken: trie.longestToken });
    const automaton = await inSlices(work, { limitMs: compileTimeoutMs, tooLong: () => tooLong(origin, compileTimeoutMs) });
    const maxWalks = Math.max(16, Math.floor((maskCacheMb * BYTES_PER_MB) / maxCompiled / (trie.words * 4)));
    const walks = new TokenWalks(automaton, trie, maxWalks);
    const bytesOf = (token: number): Uint8Array | null => this.#bytesOf(token);
    return { start: () => new Matcher({ automaton, walks, words: trie.words, maxReadings, bytesOf }) };
  }

  #buildTrie(origin: ConstraintKind): Promise<VocabularyTrie> {
    const work = buildTrie(this.#vocabSize, (token) => this.#bytesOf(token));
    return inSlices(work, { limitMs: TRIE_LIMIT_MS, tooLong: () => tooLong(origin, TRIE_LIMIT_MS) });
  }

  #bytesOf(token: number): Uint8Array | null {
    return this.#tokenizer.isText(token) ? this.#tokenizer.tokenBytes(token) : null;
  }
}

function tooLong(kind: ConstraintKind, limitMs: number): SemanticError {
  return refusal(kind, `compiling took longer than ${limitMs} ms and was stopped`, 'Simplify it, or raise constraints.compile_timeout_ms.');
}
