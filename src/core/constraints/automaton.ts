/**
 * All rules of a grammar as one pushdown automaton over bytes. A state belongs to a rule; going into a rule pushes the state to come
 * back to. Every state can still reach the end, so whatever was read so far is the beginning of something valid.
 */
export interface Automaton {
  readonly size: number;
  /** Bytes that no state tells apart have one class. [256] */
  readonly classOf: Uint8Array;
  readonly classes: number;
  /** State after a byte of a class, -1 = none. [size, classes] */
  readonly next: Int32Array;
  /** Rules a state may go into: edges edgeStart[s] .. edgeStart[s + 1]. */
  readonly edgeStart: Int32Array; // [size + 1]
  readonly edgeEntry: Int32Array; // first state of the rule
  readonly edgeReturn: Int32Array; // state to come back to, -1 = there the rule that is left ends too, and nothing is pushed
  readonly accepts: Uint8Array; // [size] 1 = the rule may end here
  /** Whether bytes lead anywhere from here; if not, only its rules do. [size] */
  readonly reads: Uint8Array;
  /** States of one class allow the same tokens, whatever is on the stack. [size] */
  readonly tokenClass: Int32Array;
  readonly start: number;
}
