/** Many agents on one daemon until it is over; then everything is let go of, and nothing may be left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SchedulerBody } from '#src/client/scheduler-bodies.js';
import type { DaemonStatus } from '#src/server/admin/status.js';
import { Seeded } from '../../tests/faults/seeded.js';
import type { Sample } from './growth.js';
import { type Lengths, soakAgent } from './soak-agent.js';
import type { SoakWire } from './soak-wire.js';
import { disagreements, leaks, newTally, type Tally } from './tally.js';

export interface SoakOptions {
  /** To a daemon that nobody else uses. */
  readonly wire: SoakWire;
  /** Of the process that is there; where it is not the first one, or models are exchanged, counters say nothing of the whole. */
  readonly process?: () => { readonly life: number; readonly descriptors: number };
  readonly isTroubled?: boolean;
  readonly agents: number;
  readonly seed: number;
  readonly lengths: Lengths;
  /** Asked by every agent between two things it does. */
  readonly isOver: (tally: Tally) => boolean;
  readonly sampleMillis: number;
  readonly onSample: (sample: SoakSample) => void;
}

export interface SoakSample extends Sample {
  readonly descriptors: number;
  readonly status: DaemonStatus;
  readonly scheduler: SchedulerBody;
}

export interface SoakResult {
  readonly tally: Tally;
  readonly totals: SchedulerBody['totals'];
  /** Of the last process. */
  readonly samples: readonly (Sample & { readonly descriptors: number })[];
  /** Empty when all is well. */
  readonly failures: readonly string[];
}

const QUIET_MILLIS = 30_000;

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { wire, agents, seed, lengths, isOver, isTroubled = false } = options;
  const tally = newTally();
  const failures: string[] = [];
  const over = (): boolean => failures.length > 0 || isOver(tally);
  const watch = new Watch(wire, options, over);
  const live = async (i: number): Promise<void> => {
    try {
      await soakAgent({ name: `soak-${i}`, wire, random: new Seeded(seed * 1000 + i), lengths, tally, isOver: over });
    } catch (error) {
      failures.push(`agent ${i}: ${(error as Error).message}`);
    }
  };
  await Promise.all(Array.from({ length: agents }, (_, i) => live(i)));
  failures.push(...(await watch.end()));
  const { totals, left } = await letGo(wire);
  return { tally, totals, samples: watch.samples, failures: [...failures, ...(isTroubled ? [] : disagreements(tally, totals)), ...left] };
}

/** Samples until `end`, which says what went wrong meanwhile. */
class Watch {
  samples: SoakResult['samples'][number][] = [];
  #life = 0;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  readonly #failures: string[] = [];

  constructor(wire: SoakWire, options: SoakOptions, over: () => boolean) {
    this.#watching = this.#watch(wire, options, over).catch((error: Error) => void this.#failures.push(`status: ${error.message}`));
  }

  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#watching;
    return this.#failures;
  }

  async #watch(wire: SoakWire, { sampleMillis, onSample, process }: SoakOptions, over: () => boolean): Promise<void> {
    let start = Date.now();
    while (!this.#stop.signal.aborted) {
      const [status, scheduler] = await Promise.all([
        wire.get<DaemonStatus>('/v1/admin/status'),
        wire.get<SchedulerBody>('/v1/admin/scheduler'),
      ]);
      const { life, descriptors } = process?.() ?? { life: 0, descriptors: 0 };
      if (life !== this.#life) [this.#life, this.samples, start] = [life, [], Date.now()];
      const sample = { seconds: (Date.now() - start) / 1000, bytes: status.memory.residentBytes, descriptors, status, scheduler };
      // While agents leave, memory falls, which would hide that it grew.
      if (!over()) this.samples.push({ seconds: sample.seconds, bytes: sample.bytes, descriptors });
      onSample(sample);
      if (status.engine.fault !== null) throw new Error(status.engine.fault);
      await sleep(sampleMillis, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}

/** Lets go of all that is kept; what was cancelled last, and what is still being stored, gets its time. */
async function letGo(wire: SoakWire): Promise<{ readonly totals: SchedulerBody['totals']; readonly left: readonly string[] }> {
  const deadline = Date.now() + QUIET_MILLIS;
  for (;;) {
    for (const { id } of await agentsOf(wire)) await wire.remove(id); // of those that failed
    await wire.evictAll();
    const status = await wire.get<DaemonStatus>('/v1/admin/status');
    const left = leaks(status, (await agentsOf(wire)).length);
    if (left.length === 0 || Date.now() > deadline) {
      const { totals } = await wire.get<SchedulerBody>('/v1/admin/scheduler');
      return { totals, left };
    }
    await sleep(100);
  }
}

async function agentsOf(wire: SoakWire): Promise<readonly { readonly id: string }[]> {
  return (await wire.get<{ readonly data: readonly { readonly id: string }[] }>('/v1/agents')).data;
}
