/**
 * Where an answer is in its grammar. All ways to read what was accepted so far are followed at once; their stacks share what they have in
 * common, so that a copy costs nothing.
 */
import { SemanticError } from '../../domain/errors.js';
import type { TokenConstraint } from '../../ports.js';
import type { Automaton } from '../automaton.js';
import { NOWHERE, ROOT, type TokenWalks, type Walk } from './token-walks.js';

/** States to come back to, the innermost first. */
interface Stack {
  readonly id: number;
  readonly back: number;
  readonly below: Stack | null;
  readonly above: Map<number, Stack>;
}

interface Reading {
  readonly state: number;
  readonly stack: Stack;
}

export interface MatcherParts {
  readonly automaton: Automaton;
  readonly walks: TokenWalks;
  readonly words: number;
  readonly maxReadings: number;
  /** What a token adds to the text; null for what is not text. */
  readonly bytesOf: (token: number) => Uint8Array | null;
}

export class Matcher implements TokenConstraint {
  readonly #parts: MatcherParts;
  #readings: readonly Reading[];
  #nextStack = 1;

  constructor(parts: MatcherParts) {
    this.#parts = parts;
    this.#readings = [{ state: parts.automaton.start, stack: { id: 0, back: -1, below: null, above: new Map() } }];
  }

  get isComplete(): boolean {
    return this.#closure().complete;
  }

  mask(ends: Iterable<number>): Uint32Array | null {
    const { walks, words } = this.#parts;
    walks.forgetIfFull();
    const mask = new Uint32Array(words);
    let any = false;
    for (const { state, stack } of this.#readings) {
      let from = ROOT;
      let at = state;
      for (let above: Stack | null = stack; ;) {
        const walk = walks.walk(from, at);
        any = add(walk, mask) || any;
        if (walk.exits === NOWHERE || above === null || above.below === null) break;
        from = walk.exits;
        at = above.back;
        above = above.below;
      }
    }
    if (this.isComplete) {
      for (const id of ends) {
        mask[id >>> 5]! |= 1 << (id & 31);
        any = true;
      }
    }
    return any ? mask : null;
  }

  accept(token: number): void {
    const bytes = this.#parts.bytesOf(token);
    if (bytes === null || !this.acceptBytes(bytes)) throw new Error(`[constraint] token ${token} does not continue the answer`);
  }

  /** False, and nothing changed, where they do not continue it. */
  acceptBytes(bytes: Uint8Array): boolean {
    const { classOf, classes, next } = this.#parts.automaton;
    const before = this.#readings;
    for (const byte of bytes) {
      const found: Reading[] = [];
      const seen = new Set<number>();
      for (const { state, stack } of this.#closure().reading) {
        const to = next[state * classes + classOf[byte]!]!;
        if (to >= 0 && isNew(seen, this.#key(to, stack))) found.push({ state: to, stack });
      }
      this.#readings = found;
      if (found.length === 0) {
        this.#readings = before;
        return false;
      }
    }
    return true;
  }

  /** Every reading with what it reaches without a byte: those that read a byte next, and whether one of them may end here. */
  #closure(): { readonly reading: readonly Reading[]; readonly complete: boolean } {
    const { edgeStart, edgeEntry, edgeReturn, accepts, reads } = this.#parts.automaton;
    const queue = [...this.#readings];
    const seen = new Set<number>();
    const reading: Reading[] = [];
    let complete = false;
    for (let i = 0; i < queue.length; i++) {
      const { state, stack } = queue[i]!;
      if (!isNew(seen, this.#key(state, stack))) continue;
      if (seen.size > this.#parts.maxReadings) throw tooAmbiguous(this.#parts.maxReadings);
      if (reads[state] === 1) reading.push(queue[i]!);
      if (accepts[state] === 1) {
        if (stack.below === null) complete = true;
        else queue.push({ state: stack.back, stack: stack.below });
      }
      for (let edge = edgeStart[state]!; edge < edgeStart[state + 1]!; edge++) {
        const back = edgeReturn[edge]!;
        queue.push({ state: edgeEntry[edge]!, stack: back < 0 ? stack : this.#push(stack, back) });
      }
    }
    return { reading, complete };
  }

  #push(below: Stack, back: number): Stack {
    let stack = below.above.get(back);
    if (stack === undefined) {
      stack = { id: this.#nextStack++, back, below, above: new Map() };
      below.above.set(back, stack);
    }
    return stack;
  }

  #key(state: number, stack: Stack): number {
    return stack.id * this.#parts.automaton.size + state;
  }
}

function isNew(seen: Set<number>, key: number): boolean {
  const before = seen.size;
  return seen.add(key).size > before;
}

/** Returns whether there was any. */
function add({ bits, tokens }: Walk, mask: Uint32Array): boolean {
  if (bits === null) {
    for (const token of tokens) mask[token >>> 5]! |= 1 << (token & 31);
    return tokens.length > 0;
  }
  for (let i = 0; i < mask.length; i++) mask[i]! |= bits[i]!;
  return true;
}

function tooAmbiguous(max: number): SemanticError {
  return new SemanticError('InvalidRequest', `[constraint] what the answer says so far can be read in more than ${max} ways`, {
    hint: 'Make the grammar less ambiguous, or raise constraints.max_readings.',
  });
}
