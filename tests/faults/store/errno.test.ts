import { afterAll, expect, it } from 'vitest';
import { sampled } from '../form.js';
import { inParallel, LANES } from '../in-parallel.js';
import { type CaseResult, RowTally } from '../report/record-row.js';
import type { RowId } from '../report/rows.js';
import { NO_SHIM } from '../shim/build-shim.js';
import { type Errno, type Fault, KIND, type LoggedCall } from '../shim/fault-control.js';
import { checkFindings } from './check-findings.js';
import { Prober } from './prober.js';
import { contentsOf, STEPS } from './workload.js';
import { Bench, callsOfWorkload, type Ran } from './workload-process.js';

const ERRNOS: readonly Errno[] = ['ENOSPC', 'EIO', 'EROFS', 'EDQUOT'];
const probers = Array.from({ length: LANES }, () => new Prober());
afterAll(() => Promise.all(probers.map((prober) => prober.end())));

interface Point {
  readonly call: LoggedCall;
  readonly fault: Fault & { readonly errno: Errno };
}

it.runIf(NO_SHIM === null)(
  'a store in which any one call fails refuses what it cannot store, and stores it when asked again',
  async () => {
    const points = (await callsOfWorkload()).flatMap((call) =>
      ERRNOS.map((errno): Point => ({ call, fault: { action: 'failOnce', errno } })),
    );
    await expectAllPass('store-errno-once', sampled(points, 8));
  },
  900_000,
);

it.runIf(NO_SHIM === null)(
  'a store on a disk that refuses from some call on is suspended with a reason, and resumes by itself when the disk is well',
  async () => {
    const points = (await callsOfWorkload()).map((call, i): Point => ({
      call,
      fault: { action: 'failOn', errno: ERRNOS[i % ERRNOS.length]! },
    }));
    await expectAllPass('store-errno-lasting', sampled(points, 8));
  },
  900_000,
);

it.runIf(NO_SHIM === null)(
  'a write that takes half of its bytes on a disk that is full then leaves nothing behind that counts',
  async () => {
    const writes = (await callsOfWorkload()).filter(({ kind, bytes }) => kind === KIND.write && bytes > 1);
    await expectAllPass(
      'store-short-write',
      sampled(
        writes.map((call): Point => ({ call, fault: { action: 'failHalf', errno: 'ENOSPC' } })),
        4,
      ),
    );
  },
  900_000,
);

async function expectAllPass(row: RowId, points: readonly Point[]): Promise<void> {
  const tally = new RowTally(row);
  await inParallel(points, async (point, lane) => tally.add(nameOf(point), await refusedAt(point, probers[lane]!)));
  const { cases, passed, wrong } = tally.record();
  expect(tally.failures).toEqual([]);
  expect({ passed, wrong }).toEqual({ passed: cases, wrong: 0 });
  expect(cases).toBe(points.length);
}

async function refusedAt({ call, fault }: Point, prober: Prober): Promise<CaseResult> {
  const bench = new Bench({ isInMemory: true });
  try {
    bench.control.arm(call.n, fault);
    const ran = await bench.run(() => bench.control.heal());
    const problems = problemsOf(ran);
    const order = ran.lines.flatMap(({ step }) => (step === undefined ? [] : [STEPS[step]!]));
    const all = contentsOf(order);
    const found = await prober.look(bench.directory, 1);
    const { wrong, lost, unexpected, restoredImages } = checkFindings(found, all, contentsOf(purgedEarly(ran)));
    problems.push(
      ...wrong.map((what) => `wrong: ${what}`),
      ...lost.map((what) => `lost: ${what}`),
      ...unexpected.map((what) => `unexpected: ${what}`),
    );
    if (found.state !== 'ready' || found.appended !== null)
      problems.push(`afterwards: ${found.state} ${found.reason ?? ''} ${found.appended ?? ''}`);
    const handedOut = ran.lines.reduce((sum, line) => sum + (line.wrong ?? 0), 0);
    if (handedOut > 0) problems.push(`${handedOut} wrong images while the disk refused`);
    return { problems, wrong: wrong.length + handedOut, restored: restoredImages, committed: restoredImages + lost.length };
  } finally {
    bench.remove();
  }
}

/** A purge that a full disk refused may have made room all the same, before what came after it was asked for again. */
function purgedEarly({ lines }: Ran): (typeof STEPS)[number][] {
  return lines.flatMap(({ step, refused }) => {
    const asked = STEPS[step ?? refused ?? -1];
    return asked !== undefined && (step !== undefined || asked.do === 'purge') ? [asked] : [];
  });
}

/** Nothing but refusals with a reason, then readiness, then no refusal at all. */
function problemsOf({ lines, code, signal, stderr }: Ran): string[] {
  const problems: string[] = [];
  if (code !== 0) problems.push(`the process ended with ${String(code ?? signal)}: ${stderr.slice(-600)}`);
  const healed = lines.findIndex(({ round }) => round === 2);
  for (const [i, { refused, code: error, status, reason, message }] of lines.entries()) {
    if (refused === undefined) continue;
    if (i > healed) problems.push(`step ${refused} was refused on a disk that is well: ${message}`);
    if (error === 'OWN_WRITE') continue; // the workload noticed it first
    if (error !== 'CachePersistence') problems.push(`step ${refused}: wanted CachePersistence, got ${message}`);
    if (status !== 'suspended' || reason === null)
      problems.push(`step ${refused} was refused, yet the store is ${status}, ${String(reason)}`);
  }
  const ready = lines[healed];
  if (ready?.status !== 'ready') problems.push(`the disk is well, yet the store is ${ready?.status}: ${ready?.reason}`);
  return problems;
}

function nameOf({ call, fault }: Point): string {
  return `${fault.action} ${fault.errno} at call ${call.n} (${call.name} ${call.path})`;
}
