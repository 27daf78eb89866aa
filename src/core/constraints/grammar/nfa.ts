/** One rule as a nondeterministic automaton over bytes and names of rules. */

export interface ByteEdge {
  readonly low: number;
  readonly high: number;
  readonly to: number;
}

export interface RuleEdge {
  readonly rule: number;
  readonly to: number;
}

export class Nfa {
  readonly empty: number[][] = [];
  readonly bytes: ByteEdge[][] = [];
  readonly rules: RuleEdge[][] = [];

  constructor(private readonly onState: (states: number) => void) {}

  get size(): number {
    return this.empty.length;
  }

  state(): number {
    this.empty.push([]);
    this.bytes.push([]);
    this.rules.push([]);
    this.onState(this.size);
    return this.size - 1;
  }

  skip(from: number, to: number): void {
    this.empty[from]!.push(to);
  }

  byte(from: number, low: number, high: number, to: number): void {
    this.bytes[from]!.push({ low, high, to });
  }

  rule(from: number, rule: number, to: number): void {
    this.rules[from]!.push({ rule, to });
  }
}
