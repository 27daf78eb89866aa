import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { IS_LONG } from '../form.js';
import { inParallel, LANES } from '../in-parallel.js';
import { type CaseResult, RowTally } from '../report/record-row.js';
import { NO_SHIM } from '../shim/build-shim.js';
import { checkFindings, type Verdict } from './check-findings.js';
import { corrupt, type Damage, filesOf, isExtent } from './corrupt.js';
import { Prober } from './prober.js';
import { contentsAfter, STEPS } from './workload.js';
import { Bench, callsOfWorkload, memoryDirectory, stepsDone } from './workload-process.js';

const SEEDS = IS_LONG ? 1200 : 40;
const probers = Array.from({ length: LANES }, () => new Prober());
const scratch = mkdtempSync(join(memoryDirectory(), 'semantic-corrupt-'));
afterAll(async () => {
  await Promise.all(probers.map((prober) => prober.end()));
  rmSync(scratch, { recursive: true, force: true });
});

/** A directory at rest, and the same at an earlier time. */
interface Base {
  readonly directory: string;
  readonly older: string;
  readonly done: number;
}

it.runIf(NO_SHIM === null)(
  'a damaged store opens, hands out nothing that is not what was written, and stores again',
  async () => {
    const bases = await makeBases();
    const tally = new RowTally('store-corruption');
    const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
    await inParallel(seeds, async (seed, lane) => {
      const base = bases[seed % bases.length]!;
      const directory = join(scratch, `case-${seed}`);
      cpSync(base.directory, directory, { recursive: true });
      const damages = corrupt(directory, base.older, seed);
      const name = `seed ${seed}: ${damages.map(({ how, file }) => `${how} (${file})`).join(', ')}`;
      tally.add(name, await opened(directory, base, damages, probers[lane]!));
      rmSync(directory, { recursive: true });
    });
    const { cases, passed, wrong } = tally.record();
    expect(tally.failures).toEqual([]);
    expect({ cases, passed, wrong }).toEqual({ cases: SEEDS, passed: SEEDS, wrong: 0 });
  },
  900_000,
);

async function opened(directory: string, base: Base, damages: readonly Damage[], prober: Prober): Promise<CaseResult> {
  const [before, after] = [contentsAfter(base.done), contentsAfter(base.done + 1)];
  const problems: string[] = [];
  let verdict: Verdict;
  try {
    const found = await prober.look(directory, 1);
    verdict = checkFindings(found, before, after);
    problems.push(...verdict.wrong.map((what) => `wrong: ${what}`));
    if (!isRolledBack(damages)) problems.push(...verdict.unexpected.map((what) => `unexpected: ${what}`));
    if (found.state !== 'ready' || found.appended !== null) problems.push(`${found.state}: ${found.reason ?? found.appended}`);
    if (found.damaged > 0) problems.push(`${found.damaged} images were not put aside when they were found out`);
    problems.push(...needlesslyLost(verdict, damages).map((what) => `lost without need: ${what}`));
    const again = await prober.look(directory);
    const lasting = checkFindings(again, before, after);
    problems.push(...lasting.wrong.map((what) => `wrong at the second start: ${what}`));
    if (lasting.restoredImages < verdict.restoredImages)
      problems.push(`${verdict.restoredImages} images, ${lasting.restoredImages} at the second start`);
    if (!again.blocks.some(({ owners }) => owners.includes('probe'))) problems.push('what was stored after the repair is gone');
  } catch (error) {
    return { problems: [String(error)], wrong: 0, restored: 0, committed: before.blocks.size };
  }
  const lost = verdict.lost.filter((what) => what.startsWith('image')).length;
  return { problems, wrong: verdict.wrong.length, restored: verdict.restoredImages, committed: verdict.restoredImages + lost };
}

/** A journal ends for the database where it is damaged: what was committed behind that is as it was before. */
const isRolledBack = (damages: readonly Damage[]): boolean =>
  damages.some(({ how, file }) => how === 'restore an older copy' || file === 'index.db-wal');

/** Damage to one extent alone leaves the agents and owners; damage to one small file loses nothing. */
function needlesslyLost({ lost }: Verdict, damages: readonly Damage[]): readonly string[] {
  const [only] = damages;
  if (damages.length > 1 || only === undefined || isRolledBack(damages)) return [];
  if (['format', 'lock', 'lock.pid'].includes(only.file) && !/extents?/.test(only.how)) return lost;
  if (isExtent(only.file) || /extents?/.test(only.how)) return lost.filter((what) => what.startsWith('agent'));
  return [];
}

/** One that was closed, and two whose process was killed: with a journal that is not in the index yet, and in the middle of a commit. */
async function makeBases(): Promise<readonly Base[]> {
  const calls = (await callsOfWorkload()).length;
  const bases: Base[] = [];
  for (const [i, kill] of [null, Math.floor(calls * 0.8), Math.floor(calls * 0.55)].entries()) {
    const [older, directory] = [join(scratch, `older-${i}`), join(scratch, `base-${i}`)];
    const bench = new Bench();
    try {
      bench.control.arm(Math.floor(calls * 0.4), { action: 'killBefore' });
      await bench.run();
      cpSync(bench.directory, older, { recursive: true });
      bench.control.heal();
      if (kill !== null) bench.control.arm(kill, { action: 'killBefore' });
      const done = stepsDone(await bench.run());
      cpSync(bench.directory, directory, { recursive: true });
      expect(filesOf(directory).filter(isExtent).length).toBeGreaterThan(1);
      expect(done).toBeGreaterThan(kill === null ? STEPS.length - 1 : 5);
      bases.push({ directory, older, done });
    } finally {
      bench.remove();
    }
  }
  return bases;
}
