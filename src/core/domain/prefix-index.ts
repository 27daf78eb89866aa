/**
 * Which of many token lists share the longest start with a prompt, to the token. Lists are chains of blocks: whole blocks are found
 * by their hash, and inside the first block that differs the neighbours in sorted order share the most. The cost is that of the prompt
 * and of what matches, not of all that is kept. It knows ids and tokens, no memory and no order of eviction.
 */
import { type BlockHash, blockHash, chainStart, type Sha256 } from './block-hash.js';
import { commonPrefix } from './common-prefix.js';
import { BLOCK_TOKENS } from './model-cache-spec.js';

export interface PrefixMatch {
  readonly id: number;
  readonly sharedTokens: number;
}

interface Node {
  /** Of the chain up to this block; null for a last block that is not full. */
  readonly hash: BlockHash | null;
  readonly parent: Node | null;
  readonly tokens: Int32Array; // [<= BLOCK_TOKENS]
  /** Ordered by their tokens. */
  readonly children: Node[];
  /** Lists that end here. */
  readonly ids: Set<number>;
}

interface Scope {
  readonly root: Node;
  readonly byHash: Map<BlockHash, Node>;
}

export class PrefixIndex {
  readonly #sha256: Sha256;
  readonly #start: BlockHash;
  readonly #scopes = new Map<string, Scope>();
  readonly #ends = new Map<number, { readonly scope: string; readonly node: Node }>();

  /** Lists of another fingerprint would have other KV: an index is for one. */
  constructor(fingerprint: string, sha256: Sha256) {
    this.#sha256 = sha256;
    this.#start = chainStart(sha256, fingerprint);
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Lists of one scope are never found from another. */
  add(id: number, scope: string, tokens: Int32Array): void {
    if (this.#ends.has(id)) throw new Error(`[prefix_index] ${id} is in the index already`);
    const { root, byHash } = this.#open(scope);
    let node = root;
    for (let at = 0; at < tokens.length; at += BLOCK_TOKENS) {
      const block = tokens.subarray(at, at + BLOCK_TOKENS);
      const place = placeOf(node.children, block);
      const there = node.children[place];
      node = there !== undefined && compare(there.tokens, block) === 0 ? there : this.#insert(node, place, block);
      if (node.hash !== null) byHash.set(node.hash, node);
    }
    node.ids.add(id);
    this.#ends.set(id, { scope, node });
  }

  remove(id: number): void {
    const end = this.#ends.get(id);
    if (end === undefined) throw new Error(`[prefix_index] ${id} is not in the index`);
    this.#ends.delete(id);
    end.node.ids.delete(id);
    const { byHash, root } = this.#open(end.scope);
    let node: Node | null = end.node;
    while (node !== null && node.parent !== null && node.ids.size === 0 && node.children.length === 0) {
      node.parent.children.splice(placeOf(node.parent.children, node.tokens), 1);
      if (node.hash !== null) byHash.delete(node.hash);
      node = node.parent;
    }
    if (root.ids.size === 0 && root.children.length === 0) this.#scopes.delete(end.scope);
  }

  /** Every list that shares at least its first token with `tokens`, those that share the most first. */
  *matches(scope: string, tokens: Int32Array): Generator<PrefixMatch, void, undefined> {
    const path = this.#descend(scope, tokens);
    for (let depth = path.length - 1, deeper: Node | null = null; depth >= 0; depth--) {
      const node = path[depth]!;
      const before = depth * BLOCK_TOKENS;
      for (const { child, shared } of nearest(node.children, tokens.subarray(before, before + BLOCK_TOKENS))) {
        if (child === deeper || before + shared === 0) continue; // its lists are through already; nothing is shared
        for (const id of idsBelow(child)) yield { id, sharedTokens: before + shared };
      }
      if (before > 0) for (const id of node.ids) yield { id, sharedTokens: before };
      deeper = node;
    }
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    const fail = (what: string): never => {
      throw new Error(`[prefix_index] integrity: ${what}`);
    };
    let ends = 0;
    for (const [name, { root, byHash }] of this.#scopes) {
      let hashed = 0;
      const nodes = [root];
      for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
        ends += node.ids.size;
        for (const id of node.ids) if (this.#ends.get(id)?.node !== node) fail(`${id} ends elsewhere`);
        if (node.parent !== null && node.ids.size === 0 && node.children.length === 0) fail(`scope ${name} keeps a block of no list`);
        node.children.forEach((child, i) => {
          if (i > 0 && compare(node.children[i - 1]!.tokens, child.tokens) >= 0) fail('blocks are out of order');
          if (child.hash !== this.#hashOf(node, child.tokens)) fail('a block does not have the hash of its tokens');
          if (child.hash !== null && byHash.get(child.hash) !== child) fail('a block is not found by its hash');
          hashed += child.hash === null ? 0 : 1;
        });
        nodes.push(...node.children);
      }
      if (hashed !== byHash.size) fail(`${byHash.size} hashes for ${hashed} whole blocks`);
    }
    if (ends !== this.#ends.size) fail(`${this.#ends.size} lists, ${ends} ends`);
  }

  #open(name: string): Scope {
    let scope = this.#scopes.get(name);
    if (scope === undefined) {
      const root: Node = { hash: this.#start, parent: null, tokens: new Int32Array(0), children: [], ids: new Set() };
      scope = { root, byHash: new Map() };
      this.#scopes.set(name, scope);
    }
    return scope;
  }

  /** The root and the whole blocks that `tokens` begins with. */
  #descend(name: string, tokens: Int32Array): Node[] {
    const scope = this.#scopes.get(name);
    if (scope === undefined) return [];
    const path = [scope.root];
    let hash = this.#start;
    for (let at = 0; at + BLOCK_TOKENS <= tokens.length; at += BLOCK_TOKENS) {
      const block = tokens.subarray(at, at + BLOCK_TOKENS);
      hash = blockHash(this.#sha256, hash, block);
      const node = scope.byHash.get(hash);
      // The hash finds the block; its ids decide.
      if (node === undefined || compare(node.tokens, block) !== 0) break;
      path.push(node);
    }
    return path;
  }

  #insert(parent: Node, place: number, tokens: Int32Array): Node {
    const node: Node = { hash: this.#hashOf(parent, tokens), parent, tokens, children: [], ids: new Set() };
    parent.children.splice(place, 0, node);
    return node;
  }

  #hashOf(parent: Node, tokens: Int32Array): BlockHash | null {
    return tokens.length === BLOCK_TOKENS && parent.hash !== null ? blockHash(this.#sha256, parent.hash, tokens) : null;
  }
}

/** Index of the first node whose tokens are not before `tokens`. */
function placeOf(nodes: readonly Node[], tokens: Int32Array): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(nodes[middle]!.tokens, tokens) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lexicographic; a list comes before those it is the start of. */
function compare(a: Int32Array, b: Int32Array): number {
  const shared = commonPrefix(a, b);
  return shared < a.length && shared < b.length ? a[shared]! - b[shared]! : a.length - b.length;
}

/** Outwards from the place of `tokens` among sorted nodes: what is shared never grows on the way. */
function* nearest(nodes: readonly Node[], tokens: Int32Array): Generator<{ child: Node; shared: number }, void, undefined> {
  let right = placeOf(nodes, tokens);
  let left = right - 1;
  const sharedBy = (i: number): number => (i < 0 || i >= nodes.length ? -1 : commonPrefix(nodes[i]!.tokens, tokens));
  for (let leftShared = sharedBy(left), rightShared = sharedBy(right); leftShared >= 0 || rightShared >= 0;) {
    if (rightShared >= leftShared) {
      yield { child: nodes[right]!, shared: rightShared };
      rightShared = sharedBy(++right);
    } else {
      yield { child: nodes[left]!, shared: leftShared };
      leftShared = sharedBy(--left);
    }
  }
}

function* idsBelow(top: Node): Generator<number, void, undefined> {
  const nodes = [top];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    yield* node.ids;
    nodes.push(...node.children);
  }
}
