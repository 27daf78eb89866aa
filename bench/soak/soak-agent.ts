/** What one agent does all day: turns of any length, pauses, forks, answers it does not wait for, and a new life now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from '../../tests/faults/seeded.js';
import type { SoakWire, TurnRequest } from './soak-wire.js';
import type { Tally } from './tally.js';

const WORDS = ['river', 'garden', 'number', 'letter', 'window', 'engine', 'summer', 'market', 'planet', 'bridge'] as const;

/** The longest there are; all shorter ones come as often. */
export interface Lengths {
  /** Words. */
  readonly input: number;
  /** Tokens. */
  readonly answer: number;
  readonly pauseMillis: number;
  /** Tokens of prompt, beyond which an agent ends and another begins. */
  readonly life: number;
}

export interface SoakAgentOptions {
  readonly name: string;
  readonly wire: SoakWire;
  readonly random: Seeded;
  readonly lengths: Lengths;
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

export async function soakAgent({ name, wire, random, lengths, tally, isOver }: SoakAgentOptions): Promise<void> {
  for (let life = 0; !isOver(); life++) {
    const id = `${name}-${life}`;
    await wire.create(id);
    let promptTokens = 0;
    while (!isOver() && promptTokens < lengths.life) {
      const action = random.below(10);
      if (action < 6) promptTokens = await turn(id);
      else if (action < 8) await abandon(id);
      else await forkedTurn(id);
      await sleep(random.below(4) === 0 ? random.below(lengths.pauseMillis) : 0);
    }
    await wire.remove(id);
  }

  async function turn(id: string): Promise<number> {
    const usage = await wire.turn(id, request());
    tally.turns += 1;
    tally.promptTokens += usage.prompt_tokens;
    tally.completionTokens += usage.completion_tokens;
    return usage.prompt_tokens;
  }

  async function abandon(id: string): Promise<void> {
    if (await wire.abandon(id, request(), 2 + random.below(12))) tally.abandoned += 1;
    else tally.streamed += 1;
  }

  async function forkedTurn(id: string): Promise<void> {
    tally.forks += 1;
    const child = `${id}-fork-${tally.forks}`;
    await wire.fork(id, child);
    await turn(child);
    await wire.remove(child);
  }

  function request(): TurnRequest {
    const input = Array.from({ length: 1 + random.below(lengths.input) }, () => random.pick(WORDS)).join(' ');
    return { input, max_tokens: 1 + random.below(lengths.answer), seed: random.below(1000) };
  }
}
