/** A node and what hangs below it. */
export interface Tree<T> {
  readonly value: T;
  readonly children: readonly Tree<T>[];
}

/** Each node with the lines that lead to it, parents before their children; roots have none. */
export function flattenTree<T>(roots: readonly Tree<T>[]): { readonly value: T; readonly lines: string }[] {
  const below = (nodes: readonly Tree<T>[], before: string): { value: T; lines: string }[] =>
    nodes.flatMap(({ value, children }, i) => {
      const isLast = i === nodes.length - 1;
      const here = { value, lines: `${before}${isLast ? '└─ ' : '├─ '}` };
      return [here, ...below(children, `${before}${isLast ? '   ' : '│  '}`)];
    });
  return roots.flatMap(({ value, children }) => [{ value, lines: '' }, ...below(children, '')]);
}

/** Lines of text with the tree's own before them. */
export function drawTree(roots: readonly Tree<string>[]): string[] {
  return flattenTree(roots).map(({ value, lines }) => `${lines}${value}`);
}
