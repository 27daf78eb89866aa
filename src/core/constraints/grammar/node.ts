/** What a rule of a grammar says, over Unicode text; its automaton is over the UTF-8 bytes of that. */
import type { CodePointSet } from './code-points.js';

export type GrammarNode =
  | { readonly kind: 'chars'; readonly set: CodePointSet }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'sequence'; readonly items: readonly GrammarNode[] }
  | { readonly kind: 'choice'; readonly items: readonly GrammarNode[] }
  /** `max` null: without end. */
  | { readonly kind: 'repeat'; readonly item: GrammarNode; readonly min: number; readonly max: number | null }
  | { readonly kind: 'rule'; readonly rule: number }
  /** Of `item` what `without` does not derive, or only what `within` derives too. None of them names a rule. */
  | { readonly kind: 'minus'; readonly item: GrammarNode; readonly without: GrammarNode }
  | { readonly kind: 'within'; readonly item: GrammarNode; readonly within: GrammarNode }
  | ListNode;

/** Items in order, with something between them: the members of an object, the elements of an array. */
export interface ListNode {
  readonly kind: 'list';
  readonly separator: GrammarNode;
  readonly items: readonly { readonly node: GrammarNode; readonly optional: boolean }[];
  /** What may come after the items, so many times. */
  readonly rest: { readonly node: GrammarNode; readonly min: number; readonly max: number | null } | null;
  /** Comes at the end, unless there was no item at all. */
  readonly after: GrammarNode;
}

export interface Grammar {
  readonly rules: readonly { readonly name: string; readonly node: GrammarNode }[];
  readonly root: number;
}

export const EMPTY: GrammarNode = { kind: 'sequence', items: [] };

export function literal(text: string): GrammarNode {
  return { kind: 'literal', text };
}

export function chars(set: CodePointSet): GrammarNode {
  return { kind: 'chars', set };
}

export function sequence(...items: readonly GrammarNode[]): GrammarNode {
  return items.length === 1 ? items[0]! : { kind: 'sequence', items };
}

export function choice(...items: readonly GrammarNode[]): GrammarNode {
  return items.length === 1 ? items[0]! : { kind: 'choice', items };
}

export function repeat(item: GrammarNode, min: number, max: number | null): GrammarNode {
  return { kind: 'repeat', item, min, max };
}

export function optional(item: GrammarNode): GrammarNode {
  return repeat(item, 0, 1);
}
