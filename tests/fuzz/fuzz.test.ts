/** A real daemon under requests that no client should send, and bytes that are none. `npm run test:fuzz` does much of it: docs/security.md. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { growthOf, isBeyondNoise, type Sample } from '../../bench/soak/growth.js';
import { until } from '../support/daemon.js';
import { AnswerCheck, type ErrorSchemas } from './check/check-answer.js';
import { type AtRest, FuzzedDaemon } from './daemon/fuzzed-daemon.js';
import { HAS_PROC, openFiles, residentBytes } from './daemon/process-figures.js';
import { FORM, IS_LONG } from './form.js';
import { FuzzRun } from './fuzz-run.js';
import type { Material } from './generate/request-case.js';
import { routesOf } from './generate/routes.js';
import { HealthWatch } from './health-watch.js';
import { RUN } from '../support/run-semantic.js';

const HOURS_MS = 4 * 3_600_000;
const LANES = 16;
/** Most of a stream's time is waiting for the server to give up. */
const STREAM_LANES = 64;
/** Parts of the run, with a sample of memory after each. */
const PARTS = 60;
/** `npm test` shares its machine: there it is no hang that is looked for to the second. */
const HEALTH_PATIENCE_MS = IS_LONG ? 2_000 : 20_000;
const MB = 1e6;

let daemon: FuzzedDaemon;
let material: Material;
let run: FuzzRun;
let watch: HealthWatch;
let before: AtRest;
const memory: Sample[] = [];

beforeAll(async () => {
  daemon = await FuzzedDaemon.start();
  const document = await daemon.document();
  material = { routes: routesOf(document), file: await daemon.exported() };
  const { schemas } = document.components as { readonly schemas: ErrorSchemas };
  run = new FuzzRun(daemon, new AnswerCheck(schemas, [daemon.home.path, RUN.replace(/\/bin\/.*/, '')]));
  before = await daemon.atRest();
  watch = new HealthWatch(daemon.door, HEALTH_PATIENCE_MS, () => run.inFlight());
});

afterAll(async () => {
  await watch.stop();
  if (daemon.death === null) await daemon.stop();
  tell(
    `seed ${FORM.seed}, cases from ${FORM.first} on: ${FORM.requests} requests over ${material.routes.length} routes, ${FORM.streams} byte streams`,
  );
  for (const [name, statuses] of run.tally) tell(`${name}: ${[...statuses].map(([status, count]) => `${status} x${count}`).join(', ')}`);
  tell(`/health/live was asked ${watch.asked} times; the slowest answer took ${watch.slowestMs.toFixed(0)} ms`);
});

/** What is there more often than in `known`. */
function without(files: readonly string[], known: readonly string[]): string[] {
  const left = [...known];
  return files.filter((file) => {
    const at = left.indexOf(file);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** As they are, without a diff. */
function assertNone(findings: readonly string[]): void {
  if (findings.length > 0) throw new Error(`${findings.length} findings:\n\n${findings.join('\n\n')}`);
}

const tell = (line: string): void => void process.stdout.write(`[fuzz] ${line}\n`);

it(
  'requests over all routes get answers that are no server error, and errors in the words of their dialect',
  async () => {
    const part = Math.max(1, Math.ceil(FORM.requests / PARTS));
    for (let done = 0; done < FORM.requests && !run.isOver; done += part) {
      await run.requests(material, FORM.first + done, Math.min(part, FORM.requests - done), LANES);
      if (run.isOver) break;
      await daemon.tend();
      if (HAS_PROC) memory.push({ seconds: done + part, bytes: residentBytes(daemon.pid) });
      if (IS_LONG) tell(`seed ${FORM.seed}: requests up to ${FORM.first + done + part} are answered`); // where to go on from with --first
    }
    assertNone(run.takeFindings());
  },
  HOURS_MS,
);

it(
  'byte streams that are not quite HTTP are answered or closed, and nothing that is hidden in them is taken for a request',
  async () => {
    await run.streams(FORM.first, FORM.streams, STREAM_LANES);
    assertNone(run.takeFindings());
  },
  HOURS_MS,
);

describe('after all this', () => {
  it('the daemon lives, and said so all along', () => {
    expect(daemon.death).toBeNull();
    expect(watch.failures).toEqual([]);
    expect(watch.asked).toBeGreaterThan(0);
  });

  it('the daemon says what it said before, and nothing is in use that was not', async () => {
    const after = await daemon.atRest();
    expect({ ...after, handles: [] }).toEqual({ ...before, handles: [] });
  });

  it.runIf(HAS_PROC)('the daemon holds no more sockets and pipes than before', async () => {
    const held = (): string[] =>
      openFiles(daemon.pid)
        .filter((file) => !file.startsWith(daemon.home.path))
        .toSorted();
    await watch.stop();
    const more = (): string[] => without(held(), before.handles);
    expect(await until(more, (files) => files.length === 0)).toEqual([]);
  });

  it('its log has no error that a bug would leave', () => {
    expect(daemon.errorsInLog()).toEqual([]);
  });

  it.runIf(HAS_PROC)('its memory does not grow beyond its noise', () => {
    const { bytes, meanBytes, noiseBytes, samples } = growthOf(memory);
    const [from = 0, to = 0] = [memory[0]?.bytes, memory.at(-1)?.bytes];
    tell(`RSS ${(from / MB).toFixed(1)} MB after the first part, ${(to / MB).toFixed(1)} MB after the last`);
    tell(
      `over the second half: mean ${(meanBytes / MB).toFixed(1)} MB, growth ${(bytes / MB).toFixed(2)} MB, noise ${(noiseBytes / MB).toFixed(2)} MB, ${samples} samples`,
    );
    expect(IS_LONG && isBeyondNoise(growthOf(memory))).toBe(false);
  });

  it.runIf(IS_LONG)('every route has answered a request that was right', () => {
    const right = (name: string): boolean => [...(run.tally.get(name)?.keys() ?? [])].some((status) => /^2|^426/.test(status));
    expect(material.routes.map(({ name }) => name).filter((name) => !right(name))).toEqual([]);
  });

  it('SIGTERM ends it with 0', async () => {
    await watch.stop();
    expect(await daemon.stop()).toEqual([0, null]);
  });
});
