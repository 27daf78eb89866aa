/**
 * Which tokens a state allows, whatever is on the stack, and which need to know it: those that go beyond the end of the state's rule.
 * A walk starts at some nodes of the vocabulary's tree (at the root for a whole token; at the nodes where the rule above ended for the
 * rest of one) and is remembered, so that a step costs a few lookups, not a look at every token.
 */
import type { Automaton } from '../automaton.js';
import { DEAD, LocalAutomaton } from './local-automaton.js';
import type { VocabularyTrie } from './vocabulary-trie.js';

export interface Walk {
  /** As a mask over the vocabulary, where there are many; else null. [words] */
  readonly bits: Uint32Array | null;
  /** Their ids, where there are few. */
  readonly tokens: Int32Array;
  /** Nodes at which the rule may have ended, with tokens below: a set of nodes by its number. NOWHERE = none. */
  readonly exits: number;
}

export const NOWHERE = -1;
export const ROOT = 0;

export class TokenWalks {
  readonly #automaton: Automaton;
  readonly #trie: VocabularyTrie;
  readonly #maxWalks: number;
  #local: LocalAutomaton;
  #walks = new Map<number, Walk>();
  #nodeSets: Int32Array[] = [Int32Array.of(0)];
  #nodeSetIds = new Map<string, number>([['0', ROOT]]);
  readonly #states: Int32Array; // by depth

  /** `maxWalks`: of those kept; all are forgotten when there are more. */
  constructor(automaton: Automaton, trie: VocabularyTrie, maxWalks: number) {
    this.#automaton = automaton;
    this.#trie = trie;
    this.#maxWalks = maxWalks;
    this.#local = new LocalAutomaton(automaton);
    this.#states = new Int32Array(trie.longestToken + 1);
  }

  /** `from`: ROOT, or the exits of another walk, which stays valid until `forget`. */
  walk(from: number, state: number): Walk {
    const key = from * this.#automaton.size + this.#automaton.tokenClass[state]!;
    const known = this.#walks.get(key);
    if (known !== undefined) return known;
    const walk = this.#walk(this.#nodeSets[from]!, state);
    this.#walks.set(key, walk);
    return walk;
  }

  /** Between masks: keeps memory within bounds. */
  forgetIfFull(): void {
    if (this.#walks.size <= this.#maxWalks && this.#local.size <= this.#maxWalks * 16) return;
    this.#walks = new Map();
    this.#local = new LocalAutomaton(this.#automaton);
    this.#nodeSets = [Int32Array.of(0)];
    this.#nodeSetIds = new Map([['0', ROOT]]);
  }

  #walk(nodes: Int32Array, state: number): Walk {
    const { classOf, classes } = this.#automaton;
    const { byte, depth, end, tokenStart, tokens } = this.#trie;
    const [local, states] = [this.#local, this.#states];
    const bits = new Uint32Array(this.#trie.words);
    const entry = local.enter(state);
    const exits: number[] = [];
    let count = 0;
    let { next } = local;
    for (const top of nodes) {
      const base = depth[top]!;
      states[0] = entry;
      if (local.leaves(entry)) exits.push(top);
      for (let node = top + 1; node < end[top]!;) {
        const level = depth[node]! - base;
        const before = states[level - 1]!;
        const byteClass = classOf[byte[node]!]!;
        let at = next[before * classes + byteClass]!;
        if (at < DEAD) {
          at = local.step(before, byteClass);
          ({ next } = local);
        }
        if (at === DEAD) {
          node = end[node]!;
          continue;
        }
        states[level] = at;
        for (let i = tokenStart[node]!; i < tokenStart[node + 1]!; i++) {
          bits[tokens[i]! >>> 5]! |= 1 << (tokens[i]! & 31);
          count++;
        }
        if (local.leaves(at) && end[node]! > node + 1) exits.push(node);
        node++;
      }
    }
    const isMany = count > this.#trie.words / 4;
    return { bits: isMany ? bits : null, tokens: isMany ? NO_TOKENS : tokensOf(bits), exits: this.#nodeSet(exits) };
  }

  #nodeSet(nodes: readonly number[]): number {
    if (nodes.length === 0) return NOWHERE;
    const sorted = Int32Array.from(new Set(nodes)).sort();
    const key = sorted.join();
    const known = this.#nodeSetIds.get(key);
    if (known !== undefined) return known;
    this.#nodeSetIds.set(key, this.#nodeSets.length);
    this.#nodeSets.push(sorted);
    return this.#nodeSets.length - 1;
  }
}

const NO_TOKENS = new Int32Array(0);

function tokensOf(bits: Uint32Array): Int32Array {
  const tokens: number[] = [];
  bits.forEach((word, i) => {
    for (let bit = 0; word >>> bit !== 0 && bit < 32; bit++) if ((word >>> bit) & 1) tokens.push(i * 32 + bit);
  });
  return Int32Array.from(tokens);
}
