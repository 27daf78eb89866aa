/** JSON that can be what no JavaScript value is: two keys of one name, numbers without end, text that is no JSON at all. */

/** Stands in the text as it is. */
export class Raw {
  constructor(readonly text: string) {}
}

/** An object by its entries, in their order. */
export class Entries {
  constructor(readonly list: (readonly [string, Node])[]) {}
}

export type Node = null | boolean | number | string | Raw | Entries | Node[];

export function toTree(value: unknown): Node {
  if (Array.isArray(value)) return value.map(toTree);
  if (typeof value === 'object' && value !== null) return new Entries(Object.entries(value).map(([key, of]) => [key, toTree(of)]));
  return value as Node;
}

export function textOf(node: Node): string {
  if (node instanceof Raw) return node.text;
  if (Array.isArray(node)) return `[${node.map(textOf).join(',')}]`;
  if (node instanceof Entries) return `{${node.list.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`;
  return JSON.stringify(node);
}
