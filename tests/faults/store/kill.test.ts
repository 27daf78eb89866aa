import { afterAll, expect, it } from 'vitest';
import { sampled } from '../form.js';
import { inParallel, LANES } from '../in-parallel.js';
import { type CaseResult, RowTally } from '../report/record-row.js';
import { NO_SHIM } from '../shim/build-shim.js';
import { type Fault, KIND, type LoggedCall } from '../shim/fault-control.js';
import { checkFindings } from './check-findings.js';
import { Prober } from './prober.js';
import { contentsAfter } from './workload.js';
import { Bench, callsOfWorkload, stepsDone } from './workload-process.js';

const probers = Array.from({ length: LANES }, () => new Prober());
afterAll(() => Promise.all(probers.map((prober) => prober.end())));

interface Point {
  readonly call: LoggedCall;
  readonly fault: Fault & { readonly action: 'killBefore' | 'killHalf' | 'killAfter' };
}

it.runIf(NO_SHIM === null)(
  'a store whose process is killed at any step of a write has all that was committed and nothing else',
  async () => {
    const calls = await callsOfWorkload();
    const points = calls.flatMap((call): Point[] => {
      const actions =
        call.kind === KIND.write && call.bytes > 1
          ? (['killBefore', 'killHalf', 'killAfter'] as const)
          : (['killBefore', 'killAfter'] as const);
      return actions.map((action) => ({ call, fault: { action } }));
    });
    const tally = new RowTally('store-kill');
    await inParallel(sampled(points, 20), async (point, lane) => tally.add(nameOf(point), await killedAt(point, probers[lane]!)));
    const { cases, passed, wrong } = tally.record();
    expect(tally.failures).toEqual([]);
    expect({ passed, wrong }).toEqual({ passed: cases, wrong: 0 });
    expect(cases).toBeGreaterThanOrEqual(20);
  },
  900_000,
);

async function killedAt({ call, fault }: Point, prober: Prober): Promise<CaseResult> {
  const bench = new Bench();
  try {
    bench.control.arm(call.n, fault);
    const ran = await bench.run();
    const problems: string[] = [];
    // Threads may take turns in another order: the call is the same number, but with fewer calls before the end it may not come.
    if (ran.signal !== 'SIGKILL' && bench.control.calls >= call.n)
      problems.push(`wanted SIGKILL, got ${String(ran.code ?? ran.signal)}: ${ran.stderr}`);
    const done = stepsDone(ran);
    const found = await prober.look(bench.directory, 1);
    const { wrong, lost, unexpected, restoredImages } = checkFindings(found, contentsAfter(done), contentsAfter(done + 1));
    problems.push(
      ...wrong.map((what) => `wrong: ${what}`),
      ...lost.map((what) => `lost: ${what}`),
      ...unexpected.map((what) => `unexpected: ${what}`),
    );
    if (found.state !== 'ready') problems.push(`the store is ${found.state}: ${found.reason}`);
    if (found.appended !== null) problems.push(`storing more failed: ${found.appended}`);
    if (found.damaged + found.quarantined > 0) problems.push(`${found.damaged} images damaged, ${found.quarantined} put aside`);
    const again = await prober.look(bench.directory);
    if (again.blocks.length !== found.blocks.length + 1)
      problems.push(`${found.blocks.length} blocks and one more, then ${again.blocks.length}`);
    return { problems, wrong: wrong.length, restored: restoredImages, committed: restoredImages + lost.length };
  } finally {
    bench.remove();
  }
}

function nameOf({ call, fault }: Point): string {
  return `${fault.action} call ${call.n} (${call.name} ${call.path})`;
}
