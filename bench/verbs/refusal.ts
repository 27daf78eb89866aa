import { setTimeout as sleep } from 'node:timers/promises';
import { BenchDaemon } from '../bench-daemon.js';
import { percentile } from '#src/bench/statistics/median.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

const RUNNING = 4;
const WAITING = 8;

export const refusal = verb({
  summary: `how soon a request is refused where ${RUNNING} run and ${WAITING} wait: --asks one after the other, then --flood at once`,
  flags: { ...ENGINE, compute: 'int8', asks: '200', flood: '1000' },
  async run(flags) {
    const daemon = await BenchDaemon.start(BINARY, flags.model, daemonFlags(flags), {
      SEMANTIC_STORE_ENABLED: 'false',
      SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: `${RUNNING}`,
      SEMANTIC_ENGINE_MAX_QUEUE: `${WAITING}`,
    });
    const gone = new AbortController();
    try {
      const full = Array.from({ length: RUNNING + WAITING }, (_, i) => ask(daemon, `Tell story ${i}.`, 6_000, gone.signal));
      for (const answer of full) answer.catch(() => undefined); // they are left at the end
      while ((await daemon.scheduler()).queue.waiting < WAITING) await sleep(20);
      const single: number[] = [];
      for (let i = 0; i < Number(flags.asks); i++) single.push(await refused(daemon, i));
      const from = performance.now();
      const together = await Promise.all(Array.from({ length: Number(flags.flood) }, (_, i) => refused(daemon, i)));
      const floodMs = performance.now() - from;
      return [
        table(
          [`a request beyond ${RUNNING} that run and ${WAITING} that wait, refused with 429`, 'ms'],
          [
            [`one at a time, ${flags.asks}: p50`, figure(percentile(single, 0.5))],
            ['p99', figure(percentile(single, 0.99))],
            ['longest', figure(Math.max(...single))],
            [`${flags.flood} at once, from one process: p50`, figure(percentile(together, 0.5))],
            ['longest', figure(Math.max(...together))],
            ['for each of them', figure(floodMs / together.length)],
          ],
        ),
      ];
    } finally {
      gone.abort();
      await daemon.stop();
    }
  },
});

function ask({ base, model }: BenchDaemon, text: string, maxTokens: number, signal?: AbortSignal): Promise<Response> {
  return fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: text }], max_tokens: maxTokens, ignore_eos: true }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Milliseconds until it was. */
async function refused(daemon: BenchDaemon, i: number): Promise<number> {
  const from = performance.now();
  const reply = await ask(daemon, `One more, ${i}.`, 16);
  await reply.arrayBuffer();
  if (reply.status !== 429) throw new Error(`wanted 429, got ${reply.status}`);
  return performance.now() - from;
}
