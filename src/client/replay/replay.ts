/** Sends what was recorded again, in its order, and compares the answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fields, list } from '../../adapters/recordings/answer.js';
import type { Exchange } from '../../adapters/recordings/format.js';
import type { Recording } from '../../adapters/recordings/read-recording.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type Comparison, compare } from './compare.js';
import { planReplay, type Speed } from './plan.js';
import { type Assertion, type ReplayReport, reportOf } from './report.js';
import { learnIds, type Overrides, rewrite } from './rewrite.js';
import { type Place, Target } from './send.js';

export interface ReplayOptions {
  readonly recording: Recording;
  /** How the report names it. */
  readonly name: string;
  readonly place: Place;
  readonly target: string;
  readonly speed: Speed;
  readonly overrides: Overrides;
  readonly apiKey: string;
  readonly asserted: readonly Assertion[];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Throws DaemonUnreachable where nobody is there, Cancelled when `signal` aborts. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { recording, name, place, speed, asserted } = options;
  const { manifest, exchanges } = recording;
  const target = new Target(place);
  try {
    const model = modelName(await target.json('/v1/models'));
    // What others recorded names models of theirs.
    const overrides = { ...options.overrides, model: options.overrides.model ?? (manifest.source === 'daemon' ? null : model) };
    const comparisons = await sendAll(exchanges, { ...options, overrides }, target);
    const cancelled = exchanges.filter((exchange) => exchange.cancelled !== null).length;
    const how = { target: options.target, speed: speed === 'max' ? 'max' : speed === 1 ? 'real' : `x${speed}` };
    return reportOf({ recording: name, manifest, replayedModel: model, ...how, cancelled, comparisons }, asserted);
  } finally {
    await target.close();
  }
}

async function sendAll(exchanges: readonly Exchange[], options: ReplayOptions, target: Target): Promise<Comparison[]> {
  const { apiKey, onProgress, overrides, signal, speed } = options;
  const ids = new Map<string, string>();
  const done = new Map<number, Promise<Comparison>>();
  const began = performance.now();
  let finished = 0;
  for (const { exchange, after, notBefore } of planReplay(exchanges, speed)) {
    const send = async (): Promise<Comparison> => {
      await Promise.all(after.map((id) => done.get(id)!)); // they were begun before it
      const wait = notBefore - (performance.now() - began);
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw new SemanticError('Cancelled', 'the replay was stopped');
      const answered = await target.send(rewrite(exchange, ids, overrides, apiKey), exchange.cancelled);
      learnIds(ids, exchange, answered);
      finished += 1;
      onProgress?.(finished, exchanges.length);
      return compare(exchange, answered);
    };
    const sent = send();
    sent.catch(() => undefined); // awaited below
    done.set(exchange.id, sent);
  }
  return Promise.all(done.values());
}

/** The first of a list in the form of /v1/models; null where it is none. */
function modelName(body: unknown): string | null {
  const id = list(fields(body)['data'])[0]?.['id'];
  return typeof id === 'string' ? id : null;
}
