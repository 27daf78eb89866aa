/**
 * GBNF, the notation of llama.cpp: rules `name ::= ...` with "texts", [classes], names, (groups), |, and * + ? {m,n} after an item; `.` is
 * any character, # starts a comment. A rule goes on over line ends until the next `name ::=`. Rule `root` is the answer.
 */
import { ANY_CODE_POINT, complement } from '../grammar/code-points.js';
import { EMPTY, type Grammar, type GrammarNode, chars, choice, literal, repeat, sequence } from '../grammar/node.js';
import { refuse } from '../refuse.js';
import { GrammarCursor } from './grammar-cursor.js';

const MAX_DEPTH = 100;

export function parseGrammar(source: string): Grammar {
  const cursor = new GrammarCursor(source);
  const parser = new RuleParser(cursor);
  cursor.skip();
  while (!cursor.done) parser.rule();
  return parser.finish();
}

class RuleParser {
  readonly #names = new Map<string, number>();
  readonly #nodes: (GrammarNode | null)[] = [];

  constructor(private readonly cursor: GrammarCursor) {}

  rule(): void {
    const name = this.cursor.ruleName();
    if (name === null) return this.cursor.fail('a rule starts with `name ::=`');
    const index = this.#indexOf(name);
    if (this.#nodes[index] !== null) this.cursor.fail(`rule ${name} is there twice`);
    this.#nodes[index] = this.#alternatives(0);
    if (!this.cursor.done && !this.cursor.atRule()) this.cursor.fail('this is not part of a rule');
  }

  finish(): Grammar {
    const root = this.#names.get('root');
    if (root === undefined) return refuse('grammar', 'it has no rule `root`', 'Name the rule of the whole answer root.');
    const names = [...this.#names.keys()];
    const rules = this.#nodes.map((node, i) => ({
      name: names[i]!,
      node: node ?? refuse('grammar', `rule ${names[i]!} is used and nowhere defined`),
    }));
    return { rules, root };
  }

  #indexOf(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#nodes.length);
    this.#nodes.push(null);
    return this.#nodes.length - 1;
  }

  #alternatives(depth: number): GrammarNode {
    if (depth > MAX_DEPTH) this.cursor.fail(`groups are nested deeper than ${MAX_DEPTH}`);
    const items = [this.#sequence(depth)];
    while (this.cursor.take('|')) items.push(this.#sequence(depth));
    return choice(...items);
  }

  #sequence(depth: number): GrammarNode {
    const items: GrammarNode[] = [];
    for (;;) {
      const item = this.#item(depth);
      if (item === null) return items.length === 0 ? EMPTY : sequence(...items);
      items.push(item);
    }
  }

  #item(depth: number): GrammarNode | null {
    let item = this.#atom(depth);
    if (item === null) return null;
    for (let bounds = this.cursor.bounds(); bounds !== null; bounds = this.cursor.bounds()) item = repeat(item, ...bounds);
    return item;
  }

  #atom(depth: number): GrammarNode | null {
    const { cursor } = this;
    if (cursor.done || cursor.atRule()) return null;
    const text = cursor.text();
    if (text !== null) return literal(text);
    const set = cursor.charClass();
    if (set !== null) return chars(set.negated ? complement(set.set) : set.set);
    if (cursor.take('.')) return chars(ANY_CODE_POINT);
    if (cursor.take('(')) {
      const inner = this.#alternatives(depth + 1);
      if (!cursor.take(')')) cursor.fail('a group is not closed');
      return inner;
    }
    const name = cursor.name();
    return name === null ? null : { kind: 'rule', rule: this.#indexOf(name) };
  }
}
