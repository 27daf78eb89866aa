import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RowId } from './rows.js';

export const RESULTS = fileURLToPath(new URL('../../../native/build/faults/results', import.meta.url));

export interface RowResult {
  readonly cases: number;
  readonly passed: number;
  /** Tokens, or images of KV at the store's level, that were handed out and are not what they should be. */
  readonly wrong: number;
  /** What was committed before the fault and is there after it, and how much of it was committed. */
  readonly restored: readonly [number, number];
}

/** Adds up the cases of one row. */
export class RowTally {
  #cases = 0;
  #passed = 0;
  #wrong = 0;
  #restored = 0;
  #committed = 0;
  readonly failures: string[] = [];

  constructor(private readonly row: RowId) {}

  /** `problems`: why the case failed; none where it passed. */
  add(name: string, { problems, wrong, restored, committed }: CaseResult): void {
    this.#cases++;
    this.#wrong += wrong;
    this.#restored += restored;
    this.#committed += committed;
    if (problems.length === 0) this.#passed++;
    else this.failures.push(`${name}: ${problems.slice(0, 4).join('; ')}`);
  }

  get result(): RowResult {
    return { cases: this.#cases, passed: this.#passed, wrong: this.#wrong, restored: [this.#restored, this.#committed] };
  }

  /** For report/render.js. */
  record(): RowResult {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, `${this.row}.json`), `${JSON.stringify(this.result)}\n`);
    return this.result;
  }
}

export interface CaseResult {
  readonly problems: readonly string[];
  readonly wrong: number;
  readonly restored: number;
  readonly committed: number;
}
