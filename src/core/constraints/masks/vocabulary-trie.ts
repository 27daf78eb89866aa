/**
 * The bytes of all tokens that text is made of, as a tree: tokens with the same beginning share its path. Nodes lie in the order in
 * which a walk meets them, so that leaving out what is below a node is a jump to `end[node]`. Node 0 is the root.
 */
export interface VocabularyTrie {
  readonly nodes: number;
  /** Byte that leads to the node. [nodes] */
  readonly byte: Uint8Array;
  readonly depth: Uint16Array; // [nodes]
  /** One past the last node below. [nodes] */
  readonly end: Int32Array;
  /** Tokens that end at the node: tokens[tokenStart[node] .. tokenStart[node + 1]]. */
  readonly tokenStart: Int32Array; // [nodes + 1]
  readonly tokens: Int32Array;
  readonly longestToken: number;
  /** 32-bit words of a mask over the vocabulary. */
  readonly words: number;
}

/** Tokens read between two pauses. */
const SLICE = 2_048;

/** `bytesOf`: null for what is not text, such as control tokens. */
export function* buildTrie(vocabSize: number, bytesOf: (id: number) => Uint8Array | null): Generator<void, VocabularyTrie, void> {
  const entries: { readonly id: number; readonly bytes: Uint8Array }[] = [];
  for (let id = 0; id < vocabSize; id++) {
    if (id % SLICE === SLICE - 1) yield;
    const bytes = bytesOf(id);
    if (bytes !== null && bytes.length > 0) entries.push({ id, bytes });
  }
  const sorted = yield* sortByBytes(entries, 0);
  const total = sorted.reduce((sum, { bytes }) => sum + bytes.length, 1);
  const byte = new Uint8Array(total);
  const depth = new Uint16Array(total);
  const end = new Int32Array(total);
  const tokenStart = new Int32Array(total + 1);
  const tokens = new Int32Array(sorted.length);
  const path: number[] = [0]; // nodes from the root to the current one
  let nodes = 1;
  let longestToken = 0;
  let before = new Uint8Array(0);
  for (const [i, { id, bytes }] of sorted.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    let shared = 0;
    while (shared < before.length && shared < bytes.length && before[shared] === bytes[shared]) shared++;
    while (path.length > shared + 1) end[path.pop()!] = nodes;
    for (let at = shared; at < bytes.length; at++) {
      byte[nodes] = bytes[at]!;
      depth[nodes] = at + 1;
      tokenStart[nodes] = i;
      path.push(nodes++);
    }
    tokens[i] = id;
    longestToken = Math.max(longestToken, bytes.length);
    before = bytes.slice();
  }
  for (const node of path) end[node] = nodes;
  tokenStart[nodes] = sorted.length;
  return {
    nodes,
    byte: byte.slice(0, nodes),
    depth: depth.slice(0, nodes),
    end: end.slice(0, nodes),
    tokenStart: tokenStart.slice(0, nodes + 1),
    tokens,
    longestToken,
    words: Math.ceil(vocabSize / 32),
  };
}

type Entry = { readonly id: number; readonly bytes: Uint8Array };

/** By radix on the first byte, then by comparison: pieces small enough to pause between. */
function* sortByBytes(entries: readonly Entry[], at: number): Generator<void, Entry[], void> {
  const ended: Entry[] = [];
  const buckets = Array.from({ length: 256 }, (): Entry[] => []);
  for (const entry of entries) (entry.bytes.length === at ? ended : buckets[entry.bytes[at]!]!).push(entry);
  const sorted = ended;
  for (const bucket of buckets) {
    if (bucket.length > SLICE) {
      sorted.push(...(yield* sortByBytes(bucket, at + 1)));
      yield;
    } else sorted.push(...bucket.sort((a, b) => compareBytes(a.bytes, b.bytes)));
  }
  return sorted;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
