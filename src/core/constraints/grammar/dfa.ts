/** One rule as a deterministic automaton: of several edges of a state at most one is taken by a byte. State 0 is its start. */
import type { ByteEdge, RuleEdge } from './nfa.js';

export interface DfaState {
  readonly bytes: readonly ByteEdge[]; // ascending, disjoint
  readonly rules: readonly RuleEdge[]; // one per rule
  readonly accepts: boolean;
}

export type Dfa = readonly DfaState[];
