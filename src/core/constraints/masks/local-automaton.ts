/**
 * The automaton as seen from inside one rule, whatever called it: made deterministic as far as somebody walks. A local state is a set of
 * (state, stack above the caller). `leaves` says that the rule may have ended there, so that what follows is the caller's business.
 */
import type { Automaton } from '../automaton.js';

export const DEAD = -1;
const UNKNOWN = -2;
/** The stack on which the rule itself was called. */
const CALLER = 0;

export class LocalAutomaton {
  readonly #automaton: Automaton;
  /** Local state after a byte of a class; UNKNOWN until somebody asks. [states, classes] */
  #next: Int32Array;
  #leaves: Uint8Array;
  /** States that read bytes, with their stacks, flat: state, stack, state, stack ... */
  readonly #members: Int32Array[] = [];
  readonly #ids = new Map<string, number>();
  readonly #entries = new Map<number, number>();
  // Stacks above the caller's: state to come back to, and what is below.
  readonly #returns: number[] = [0];
  readonly #below: number[] = [0];
  readonly #stacks = new Map<number, number>();

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
    this.#next = new Int32Array(64 * automaton.classes);
    this.#leaves = new Uint8Array(64);
  }

  get size(): number {
    return this.#members.length;
  }

  /** Grows as states are found: ask again after `step`. */
  get next(): Int32Array {
    return this.#next;
  }

  leaves(local: number): boolean {
    return this.#leaves[local] === 1;
  }

  enter(state: number): number {
    const known = this.#entries.get(state);
    if (known !== undefined) return known;
    const local = this.#intern([state, CALLER]);
    this.#entries.set(state, local);
    return local;
  }

  step(local: number, byteClass: number): number {
    const { classes, next } = this.#automaton;
    const known = this.#next[local * classes + byteClass]!;
    if (known !== UNKNOWN) return known;
    const members = this.#members[local]!;
    const targets: number[] = [];
    for (let i = 0; i < members.length; i += 2) {
      const to = next[members[i]! * classes + byteClass]!;
      if (to >= 0) targets.push(to, members[i + 1]!);
    }
    const found = targets.length === 0 ? DEAD : this.#intern(targets);
    this.#next[local * classes + byteClass] = found;
    return found;
  }

  /** Pairs (state, stack) and all that is reached from them without a byte -> a local state. */
  #intern(pairs: number[]): number {
    const { edgeStart, edgeEntry, edgeReturn, accepts, reads, size } = this.#automaton;
    const seen = new Set<number>();
    const reading: number[] = [];
    let leaves = false;
    const queue = pairs;
    for (let i = 0; i < queue.length; i += 2) {
      const [state, stack] = [queue[i]!, queue[i + 1]!];
      const key = stack * size + state;
      if (seen.has(key)) continue;
      seen.add(key);
      if (reads[state] === 1) reading.push(key);
      if (accepts[state] === 1) {
        if (stack === CALLER) leaves = true;
        else queue.push(this.#returns[stack]!, this.#below[stack]!);
      }
      for (let edge = edgeStart[state]!; edge < edgeStart[state + 1]!; edge++) {
        const back = edgeReturn[edge]!;
        queue.push(edgeEntry[edge]!, back < 0 ? stack : this.#push(stack, back));
      }
    }
    reading.sort((a, b) => a - b);
    const id = `${leaves ? 1 : 0}:${reading.join()}`;
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    const local = this.#members.length;
    this.#ids.set(id, local);
    this.#members.push(Int32Array.from(reading.flatMap((key) => [key % size, Math.floor(key / size)])));
    this.#reserve(local);
    if (leaves) this.#leaves[local] = 1;
    return local;
  }

  #push(below: number, back: number): number {
    const key = below * this.#automaton.size + back;
    const known = this.#stacks.get(key);
    if (known !== undefined) return known;
    this.#returns.push(back);
    this.#below.push(below);
    this.#stacks.set(key, this.#returns.length - 1);
    return this.#returns.length - 1;
  }

  #reserve(local: number): void {
    const { classes } = this.#automaton;
    if (local >= this.#leaves.length) {
      const [next, leaves] = [new Int32Array(this.#next.length * 2), new Uint8Array(this.#leaves.length * 2)];
      next.set(this.#next);
      leaves.set(this.#leaves);
      [this.#next, this.#leaves] = [next, leaves];
    }
    this.#next.fill(UNKNOWN, local * classes, (local + 1) * classes);
  }
}
