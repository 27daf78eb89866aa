/** What the clients of a soak have seen, against what the daemon has counted. */
import type { SchedulerBody } from '#src/client/scheduler-bodies.js';
import type { DaemonStatus } from '#src/server/admin/status.js';

export interface Tally {
  /** Answers that came whole, as one body and as a stream. */
  turns: number;
  streamed: number;
  /** Answers whose client went away before their end. */
  abandoned: number;
  forks: number;
  /** Of `turns`. */
  promptTokens: number;
  completionTokens: number;
}

export function newTally(): Tally {
  return { turns: 0, streamed: 0, abandoned: 0, forks: 0, promptTokens: 0, completionTokens: 0 };
}

type Totals = SchedulerBody['totals'];

/** What does not agree, in sentences. Nothing runs any more. */
export function disagreements(tally: Tally, { requests, tokens }: Totals): string[] {
  const whole = tally.turns + tally.streamed;
  const sent = whole + tally.abandoned;
  const ended = requests.finished + requests.cancelled + requests.failed;
  return [
    [requests.failed === 0, `${requests.failed} requests failed`],
    [requests.refused === 0, `${requests.refused} requests were refused`],
    [requests.submitted === sent, `${requests.submitted} requests were counted, ${sent} were sent`],
    [ended === requests.submitted, `${requests.submitted} requests came, ${ended} ended`],
    // One that was left may have been finished just before.
    [requests.finished >= whole, `${requests.finished} requests finished, ${whole} answers came whole`],
    [requests.cancelled <= tally.abandoned, `${requests.cancelled} requests were cancelled, ${tally.abandoned} were left`],
    [tokens.prompt >= tally.promptTokens, `${tokens.prompt} prompt tokens were counted, answers spoke of ${tally.promptTokens}`],
    [
      tokens.cached + tokens.restored <= tokens.prompt,
      `${tokens.cached + tokens.restored} of ${tokens.prompt} prompt tokens were there before`,
    ],
    [tokens.generated >= tally.completionTokens, `${tokens.generated} tokens were generated, answers had ${tally.completionTokens}`],
  ]
    .filter(([holds]) => holds !== true)
    .map(([, sentence]) => String(sentence));
}

/** What is left of KV and sequences when every agent is gone, nothing is kept and nothing waits to be stored. */
export function leaks({ engine, native }: DaemonStatus, agents: number): string[] {
  const left: readonly (readonly [number, string])[] = [
    [engine.running, 'running requests'],
    [engine.waiting, 'waiting requests'],
    [engine.retained.sequences, 'kept sequences'],
    [engine.kv.usedBytes, 'bytes of the block pool in use'],
    [native.sequences, 'sequences in the native engine'],
    [native.kvBytes, 'bytes of KV in the native engine'],
    [agents, 'agents'],
  ];
  return [
    ...left.filter(([count]) => count !== 0).map(([count, what]) => `${count} ${what} are left`),
    ...(engine.fault === null ? [] : [`the bookkeeping contradicts itself: ${engine.fault}`]),
  ];
}
