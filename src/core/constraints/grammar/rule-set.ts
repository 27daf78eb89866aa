import type { Grammar, GrammarNode } from './node.js';

/** Rules of a grammar that is being made: they may name each other before they are written. */
export class RuleSet {
  readonly #rules: { readonly name: string; node: GrammarNode | null }[] = [];
  readonly #shared = new Map<string, GrammarNode>();

  /** `build` may use the rule it defines. */
  add(name: string, build: (self: GrammarNode) => GrammarNode): GrammarNode {
    const rule: { readonly name: string; node: GrammarNode | null } = { name, node: null };
    const self: GrammarNode = { kind: 'rule', rule: this.#rules.push(rule) - 1 };
    rule.node = build(self);
    return self;
  }

  /** One rule for all that ask for this key. */
  share(key: string, build: () => GrammarNode): GrammarNode {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    return this.add(key, (self) => {
      this.#shared.set(key, self);
      return build();
    });
  }

  finish(root: GrammarNode): Grammar {
    const start = this.#rules.push({ name: 'root', node: root }) - 1;
    return { rules: this.#rules.map(({ name, node }) => ({ name, node: node! })), root: start };
  }
}
