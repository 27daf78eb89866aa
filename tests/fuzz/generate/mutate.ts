/** Changes of a tree, each at a place of its own. */
import type { Seeded } from '../../faults/seeded.js';
import { Entries, type Node } from './json-tree.js';
import { ODD_KEYS, oddText, oddValue } from './odd-values.js';

/** A copy of `tree` with `count` changes. */
export function mutated(tree: Node, count: number, random: Seeded): Node {
  let result = tree;
  for (let i = 0; i < count; i++) result = changed(result, random);
  return result;
}

/** Goes down at random, and changes what it comes to. */
function changed(node: Node, random: Seeded): Node {
  const goesOn = random.below(4) > 0;
  if (Array.isArray(node) && node.length > 0 && goesOn) {
    const at = random.below(node.length);
    return node.map((item, i) => (i === at ? changed(item, random) : item));
  }
  if (node instanceof Entries && node.list.length > 0 && goesOn) {
    const at = random.below(node.list.length);
    return new Entries(node.list.map(([key, value], i) => (i === at ? [key, changed(value, random)] : [key, value])));
  }
  if (Array.isArray(node)) return changedArray(node, random);
  if (node instanceof Entries) return changedEntries(node, random);
  if (typeof node === 'string' && random.below(2) === 0) return random.below(2) === 0 ? node + oddText(random) : oddText(random) + node;
  return oddValue(random);
}

function changedArray(items: Node[], random: Seeded): Node {
  const at = random.below(items.length + 1);
  switch (random.below(5)) {
    case 0:
      return items.toSpliced(at, 1);
    case 1:
      return items.toSpliced(at, 0, oddValue(random));
    case 2:
      return items.length === 0 ? items : Array.from({ length: 1 + random.below(40) }, (_, i) => items[i % items.length]!);
    case 3:
      return items.toReversed();
    default:
      return oddValue(random);
  }
}

function changedEntries({ list }: Entries, random: Seeded): Node {
  const at = random.below(list.length + 1);
  const [key] = list[at] ?? ['x'];
  switch (random.below(6)) {
    case 0:
      return new Entries(list.toSpliced(at, 1));
    case 1: // two of one name
      return new Entries([...list, [key, oddValue(random)]]);
    case 2:
      return new Entries([...list, [random.pick(ODD_KEYS), oddValue(random)]]);
    case 3:
      return new Entries(list.map(([name, value], i) => [i === at ? random.pick(ODD_KEYS) : name, value]));
    case 4:
      return new Entries(list.toReversed());
    default:
      return oddValue(random);
  }
}
