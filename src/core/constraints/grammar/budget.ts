import { type ConstraintKind, refuse } from '../refuse.js';

/** Counts what is built, so that a constraint which would explode is refused while it is still small. */
export class Budget {
  #states = 0;

  constructor(
    private readonly origin: ConstraintKind,
    private readonly maxStates: number,
  ) {}

  /** Automaton states that stay. */
  take(states: number, what: string): void {
    this.#states += states;
    this.check(0, what);
  }

  /** Fails where `more` would not fit any more; they are not kept. */
  check(more: number, what: string): void {
    if (this.#states + more <= this.maxStates) return;
    refuse(this.origin, `${what} makes an automaton of more than ${this.maxStates} states`, TOO_LARGE);
  }
}

const TOO_LARGE = 'Use smaller bounds on lengths and counts, fewer alternatives, or raise constraints.max_states.';
