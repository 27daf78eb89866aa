import { describe, expect, it } from 'vitest';
import { EmbeddingTurns } from '../../../src/core/embedding/embedding-turns.js';
import { StepWatch } from '../../../src/core/embedding/step-watch.js';

/** Steps and slices on one thread, as the engine has it; each says what it was and how long it took. */
function simulate(share: number): { steps: StepWatch; turns: EmbeddingTurns } {
  const steps = new StepWatch();
  return { steps, turns: new EmbeddingTurns(steps, share) };
}

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Decodes `count` steps of 100 us each while slices of 300 us run as they may; returns what happened, in order. */
async function together(share: number, count: number): Promise<string[]> {
  const { steps, turns } = simulate(share);
  const happened: string[] = [];
  let decoding = true;
  const decode = async (): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await steps.watch(async () => {
        await later();
        happened.push('step');
        return { stepMicros: 100 };
      });
    }
    decoding = false;
  };
  const embed = async (): Promise<void> => {
    while (decoding) {
      await turns.next();
      if (!decoding) break;
      happened.push('slice');
      turns.sliceEnded(300);
      await later();
    }
  };
  await Promise.all([decode(), embed()]);
  return happened;
}

describe('turns', () => {
  it.each([
    [0.5, 3],
    [0.75, 9],
    [0.25, 1],
  ])('with a share of %f, %d steps of a third of its length pass between a slice and the next', async (share, between) => {
    const happened = await together(share, 60);
    const gaps = happened
      .join(' ')
      .split('slice')
      .slice(1, -1)
      .map((gap) => gap.trim().split(' ').filter(Boolean).length);
    expect(gaps.length).toBeGreaterThan(3);
    expect(new Set(gaps)).toEqual(new Set([between]));
  });

  it('come at once where nothing is decoded, however much slices took', async () => {
    const { turns } = simulate(0.9);
    for (let i = 0; i < 50; i++) {
      await turns.next();
      turns.sliceEnded(1_000_000);
    }
    await expect(turns.next()).resolves.toBeUndefined();
  });

  it('come when decoding ends, though steps owe time', async () => {
    const { steps, turns } = simulate(0.9);
    turns.sliceEnded(1_000_000);
    let end: (output: { stepMicros: number }) => void = () => undefined;
    const step = steps.watch(() => new Promise<{ stepMicros: number }>((resolve) => (end = resolve)));
    let came = false;
    const turn = turns.next().then(() => (came = true));
    await later();
    expect(came).toBe(false);
    end({ stepMicros: 10 });
    await step;
    await turn;
    expect(came).toBe(true);
  });

  it('come when a step fails', async () => {
    const { steps, turns } = simulate(0.5);
    turns.sliceEnded(100);
    const failing = steps.watch(() => Promise.reject(new Error('no'))).catch((error: unknown) => error);
    await turns.next();
    expect(await failing).toMatchObject({ message: 'no' });
    expect(steps.inFlight).toBe(0);
  });
});
