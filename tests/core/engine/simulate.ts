/** The scheduler in simulated time: what the engine does around it, with a runner that only costs. No clock is read. */
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';
import { BlockPool } from '../../../src/core/domain/block-pool.js';
import type { Priority } from '../../../src/core/domain/priority.js';
import { Scheduler, type SchedulerPlan } from '../../../src/core/engine/scheduler.js';
import type { SchedulerLimits } from '../../../src/core/engine/scheduler-limits.js';

export interface SimulatedRequest {
  readonly at: number; // ms
  readonly promptTokens: number;
  readonly outputs: number;
  readonly priority?: Priority;
  readonly key?: string;
  readonly flow?: string;
}

/** Milliseconds of a step with so many decoding sequences and prompt tokens; `depth` = tokens in the KV of those that prefill. */
export type Cost = (decoding: number, prefillTokens: number, depth: number) => number;

export interface SimulatedStep {
  readonly start: number;
  readonly end: number;
  readonly plan: SchedulerPlan;
}

export interface Outcome {
  /** By request: when it was taken in, and when each of its tokens came. */
  readonly admitted: readonly (number | null)[];
  readonly tokens: readonly (readonly number[])[];
  readonly steps: readonly SimulatedStep[];
  readonly preempted: number;
}

const SPEC = new ModelCacheSpec([{ kvHeads: 1, headDim: 64, window: null }], 'f32');

/** Runs until all is done, or for `most` steps. `blocks`: of 256 tokens, that the KV of all has room for. */
export function simulate(requests: readonly SimulatedRequest[], cost: Cost, limits: SchedulerLimits, most = 1e6, blocks = 1e6): Outcome {
  const pool = new BlockPool(SPEC, { bytes: blocks * SPEC.kinds[0]!.blockBytes });
  const scheduler = new Scheduler(limits);
  const admitted: (number | null)[] = requests.map(() => null);
  const tokens: number[][] = requests.map(() => []);
  const steps: SimulatedStep[] = [];
  const coming = requests.map((request, id) => ({ ...request, id })).sort((a, b) => a.at - b.at);
  let now = 0;
  let preempted = 0;

  const arrive = (): void => {
    for (let next = coming[0]; next !== undefined && next.at <= now; next = coming[0]) {
      const { id, at, promptTokens, outputs, priority = 'interactive', key = 'local', flow = '' } = coming.shift()!;
      const prompt = new Int32Array(promptTokens);
      scheduler.enqueue({ id, prompt, maxKvTokens: promptTokens + outputs, key, flow, priority, arrivedAt: at });
    }
  };
  const blocksOf = (count: number) => SPEC.blocksFor(count);
  const admit = (): void => {
    for (;;) {
      const job = scheduler.nextToAdmit(now, (next) => pool.canAllocate(blocksOf(scheduler.firstTokens(next))));
      if (job === null) return;
      const covered = scheduler.firstTokens(job);
      scheduler.admit(job.id, now, pool.allocate(blocksOf(covered)), blocksOf(covered), covered);
      scheduler.start(job.id, job.id, 0);
      admitted[job.id] ??= now;
    }
  };
  const grow = (): void => {
    for (const { id } of scheduler.wantingRoom()) {
      while (scheduler.stateOf(id) === 'decode') {
        const job = scheduler.running(id);
        const covered = scheduler.nextTokens(job);
        if (pool.canResize(job.lease, blocksOf(covered))) {
          pool.resize(job.lease, blocksOf(covered));
          scheduler.grow(id, covered);
          break;
        }
        const victim = scheduler.victim()!;
        preempted += 1;
        const prompt = new Int32Array(requests[victim.id]!.promptTokens + tokens[victim.id]!.length);
        pool.free(scheduler.preempt(victim.id, prompt).lease);
      }
    }
  };

  while (steps.length < most) {
    arrive();
    admit();
    grow();
    const plan = scheduler.next();
    if (plan === null) {
      if (coming[0] === undefined) break;
      now = coming[0].at;
      continue;
    }
    const prefills = plan.entries.filter(({ decodes }) => !decodes);
    const prefillTokens = prefills.reduce((sum, entry) => sum + entry.tokens.length, 0);
    const depth = prefills.reduce((sum, { id }) => sum + scheduler.running(id).numKvTokens, 0);
    const ms = cost(plan.entries.length - prefills.length, prefillTokens, depth);
    steps.push({ start: now, end: now + ms, plan });
    now += ms;
    scheduler.commit(
      plan,
      plan.entries.map(({ sample }) => (sample ? 7 : null)),
      ms,
    );
    for (const { id, sample } of plan.entries) {
      if (!sample) continue;
      tokens[id]!.push(now);
      if (tokens[id]!.length === requests[id]!.outputs) pool.free(scheduler.remove(id)!.lease);
    }
  }
  scheduler.checkIntegrity();
  pool.checkIntegrity();
  return { admitted, tokens, steps, preempted };
}
