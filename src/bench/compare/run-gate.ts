/** A gate from its servers to its verdict. */
import { SemanticError } from '../../core/domain/errors.js';
import { BenchSession, type SessionOptions } from '../run/bench-session.js';
import type { OnProgress } from '../run/run-suites.js';
import { type BenchmarkBody, isSameMachine, type SeriesBody } from '../results/schema.js';
import { keyOf, seriesOf } from './compare.js';
import { gate, type GateReport } from './gate.js';

export interface GateWish {
  /** 0.05 = 5 %; null = what was given is no share. */
  readonly maxRegression: number | null;
  readonly maxAttempts: number;
  /** What it is held against, where that is no build that runs beside it. */
  readonly kept: BenchmarkBody | null;
  readonly session: SessionOptions;
}

export interface GateListener {
  note(text: string): void;
  readonly onProgress: OnProgress;
  /** Called after each measuring, whatever came of it. */
  measured(benchmark: BenchmarkBody): Promise<void>;
}

/** Throws InvalidRequest, Cancelled, and what made a target fail: a gate without figures neither passes nor fails. */
export async function runGate(
  { maxRegression, maxAttempts, kept, session: options }: GateWish,
  listener: GateListener,
  signal: AbortSignal,
): Promise<GateReport> {
  if (maxRegression === null) {
    throw new SemanticError('InvalidRequest', '--max-regression: wanted a share such as 5% or 0.05', { param: 'max-regression' });
  }
  const { againstBuild } = options.wish;
  const keptSeries = kept === null ? null : seriesOf(kept, null);
  const session = await BenchSession.open(options, signal);
  const measure = async (attempt: number): Promise<BenchmarkBody> => {
    const { benchmark, failures } = await session.measure(attempt, `gate, attempt ${attempt + 1}`, listener.onProgress, signal);
    await listener.measured(benchmark);
    if (signal.aborted) throw new SemanticError('Cancelled', 'the gate was stopped before it had decided');
    if (failures[0] !== undefined) throw failures[0].error;
    return benchmark;
  };
  try {
    const benchmark = await measure(0);
    const candidate = seriesOf(benchmark, 'semantic');
    const base = keptSeries ?? seriesOf(benchmark, 'base');
    assertComparable(base, candidate, kept?.id ?? againstBuild!);
    if (kept !== null && !isSameMachine(kept.machine, benchmark.machine)) {
      listener.note(`${kept.id} was measured on another machine (${kept.machine.cpu}): this says little of the build.`);
    }
    let attempt = 0;
    const terms = { maxRegression, maxAttempts, isPaired: kept === null, against: kept?.id ?? againstBuild!, candidateId: benchmark.id };
    return await gate({ ...terms, base, candidate }, async () => {
      listener.note('Something seems worse, or noise hides whether it is: measuring again.');
      attempt += 1;
      const more = await measure(attempt);
      return { base: kept === null ? seriesOf(more, 'base') : null, candidate: seriesOf(more, 'semantic') };
    });
  } finally {
    await session.close();
  }
}

function assertComparable(base: readonly SeriesBody[], candidate: readonly SeriesBody[], against: string): void {
  const known = new Set(base.map(keyOf));
  if (candidate.some((series) => series.gated && known.has(keyOf(series)))) return;
  throw new SemanticError('InvalidRequest', `[bench] ${against} and this run have no measure in common that could be judged`, {
    hint: 'Measure with the same suites, the same model and the same --context.',
  });
}
