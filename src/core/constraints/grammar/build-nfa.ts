/** The node of a rule -> its nondeterministic automaton. */
import type { Budget } from './budget.js';
import type { CodePointSet } from './code-points.js';
import { determinize } from './determinize.js';
import type { Dfa } from './dfa.js';
import { Nfa } from './nfa.js';
import type { GrammarNode, ListNode } from './node.js';
import { product } from './product.js';
import { utf8Ranges } from './utf8-ranges.js';

const utf8 = new TextEncoder();

/** States of a nondeterministic automaton for one of the deterministic one: it holds each alternative by itself. */
const NFA_FACTOR = 8;

/** Copies between two pauses. */
const SLICE = 64;

export interface RuleNfa {
  readonly nfa: Nfa;
  readonly start: number;
  readonly end: number;
}

export function* buildNfa(node: GrammarNode, budget: Budget, what: string): Generator<void, RuleNfa, void> {
  const nfa = new Nfa((states) => budget.check(Math.ceil(states / NFA_FACTOR), what));
  const builder = new Builder(nfa, budget, what);
  const [start, end] = [nfa.state(), nfa.state()];
  yield* builder.add(node, start, end);
  return { nfa, start, end };
}

class Builder {
  constructor(
    private readonly nfa: Nfa,
    private readonly budget: Budget,
    private readonly what: string,
  ) {}

  *add(node: GrammarNode, from: number, to: number): Generator<void, void, void> {
    const { nfa } = this;
    switch (node.kind) {
      case 'chars':
        return this.#chars(node.set, from, to);
      case 'literal':
        return this.#literal(node.text, from, to);
      case 'sequence': {
        let at = from;
        for (const item of node.items) yield* this.add(item, at, (at = nfa.state()));
        return nfa.skip(at, to);
      }
      case 'choice':
        for (const item of node.items) yield* this.add(item, from, to);
        return;
      case 'repeat':
        return yield* this.#repeat(node.item, node.min, node.max, from, to);
      case 'rule':
        return nfa.rule(from, node.rule, to);
      case 'minus':
        return this.#embed(
          product(yield* this.#dfa(node.item), yield* this.#dfa(node.without), 'first-only', this.budget, this.what),
          from,
          to,
        );
      case 'within':
        return this.#embed(product(yield* this.#dfa(node.item), yield* this.#dfa(node.within), 'both', this.budget, this.what), from, to);
      case 'list':
        return yield* this.#list(node, from, to);
    }
  }

  /** Sequences of bytes with the same end share it. */
  #chars(set: CodePointSet, from: number, to: number): void {
    const tails = new Map<string, number>();
    for (const bytes of utf8Ranges(set)) {
      let [at, key] = [to, ''];
      for (const [low, high] of bytes.slice(1).reverse()) {
        key += `${low}-${high} `;
        const before = tails.get(key) ?? this.nfa.state();
        if (!tails.has(key)) this.nfa.byte(before, low, high, at);
        tails.set(key, before);
        at = before;
      }
      this.nfa.byte(from, ...bytes[0]!, at);
    }
  }

  #literal(text: string, from: number, to: number): void {
    let at = from;
    for (const byte of utf8.encode(text)) {
      const next = this.nfa.state();
      this.nfa.byte(at, byte, byte, next);
      at = next;
    }
    this.nfa.skip(at, to);
  }

  /** States of its own before and after: what goes round in it must not leave or enter by another way. */
  *#repeat(item: GrammarNode, min: number, max: number | null, from: number, to: number): Generator<void, void, void> {
    const { nfa } = this;
    let at = nfa.state();
    nfa.skip(from, at);
    for (let i = 0; i < (max ?? min); i++) {
      if (i % SLICE === SLICE - 1) yield;
      const next = nfa.state();
      if (i >= min) nfa.skip(at, to);
      yield* this.add(item, at, next);
      at = next;
    }
    if (max === null) {
      const [before, after] = [nfa.state(), nfa.state()];
      nfa.skip(at, before);
      yield* this.add(item, before, after);
      nfa.skip(after, at);
    }
    nfa.skip(at, to);
  }

  *#dfa(node: GrammarNode): Generator<void, Dfa, void> {
    const { nfa, start, end } = yield* buildNfa(node, this.budget, this.what);
    return yield* determinize(nfa, start, end, this.budget, this.what);
  }

  #embed(dfa: Dfa, from: number, to: number): void {
    const states = dfa.map(() => this.nfa.state());
    this.nfa.skip(from, states[0]!);
    dfa.forEach((state, i) => {
      for (const edge of state.bytes) this.nfa.byte(states[i]!, edge.low, edge.high, states[edge.to]!);
      if (state.accepts) this.nfa.skip(states[i]!, to);
    });
  }

  /** Two rows of states: before anything was there, and after something was, where a separator is due. */
  *#list({ items, rest, separator, after }: ListNode, from: number, to: number): Generator<void, void, void> {
    const { nfa } = this;
    let none: number | null = nfa.state();
    let some: number | null = null;
    nfa.skip(from, none);
    const add = function* (this: Builder, node: GrammarNode, next: number): Generator<void, void, void> {
      const before = nfa.state();
      if (none !== null) nfa.skip(none, before);
      if (some !== null) yield* this.add(separator, some, before);
      yield* this.add(node, before, next);
    }.bind(this);
    for (const item of items) {
      const next = nfa.state();
      yield* add(item.node, next);
      if (item.optional && some !== null) nfa.skip(some, next);
      if (!item.optional) none = null;
      some = next;
    }
    const end = nfa.state();
    yield* this.add(after, end, to);
    const { node, min, max } = rest ?? { node: null, min: 0, max: 0 };
    for (let i = 0; node !== null && i < (max ?? min); i++) {
      const next = nfa.state();
      if (i >= min && some !== null) nfa.skip(some, end);
      if (i >= min && none !== null) nfa.skip(none, to);
      yield* add(node, next);
      none = null;
      some = next;
    }
    if (none !== null) nfa.skip(none, to);
    if (node !== null && max === null) {
      const loop = nfa.state();
      if (some !== null) nfa.skip(some, loop);
      some = loop; // where every further one comes back to
      const before = nfa.state();
      if (none !== null) nfa.skip(none, before);
      yield* this.add(separator, loop, before);
      yield* this.add(node, before, loop);
    }
    if (some !== null) nfa.skip(some, end);
  }
}
