import { BenchDaemon } from '../bench-daemon.js';
import type { ChatServer } from '../chat-server.js';
import { median } from '#src/bench/statistics/median.js';
import { startLlamaServer } from '../peers/llama-server.js';
import { type LatencyLoad, prefillLatency, type PrefillLatency, shareKept } from '../prefill-latency.js';
import { figure, type Table, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, engineOptions, verb } from '../verb.js';

const CONTEXT = 8192; // of the starter model

export const latency = verb({
  summary:
    'answers that are being written, and a short request, while --prompts long prompts are read; beside llama-server (--llama FOLDER)',
  flags: {
    ...ENGINE,
    agents: '4',
    prompts: '2', // 16K tokens: the model takes 8,192 at once
    'prompt-tokens': '8000',
    'alone-ms': '5000',
    'short-ms': '1000',
    rounds: '3',
    llama: '',
  },
  async run(flags, progress) {
    const load: LatencyLoad = {
      decoders: Number(flags.agents),
      prompts: Number(flags.prompts),
      promptTokens: Number(flags['prompt-tokens']),
      aloneMillis: Number(flags['alone-ms']),
      shortAfterMillis: Number(flags['short-ms']),
    };
    const { model, threads } = engineOptions(flags);
    const starts: (() => Promise<ChatServer>)[] = [
      () => BenchDaemon.start(BINARY, flags.model, daemonFlags(flags), { SEMANTIC_STORE_ENABLED: 'false' }),
    ];
    const slots = load.decoders + 2; // and the long prompt, and the short one
    if (flags.llama !== '') {
      starts.push(() => startLlamaServer({ binFolder: flags.llama, modelFile: model, threads, slots, contextTokens: CONTEXT }));
    }
    const runs = new Map<string, PrefillLatency[]>();
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const start of starts) {
        const server = await start();
        const run = await measure(server, load);
        runs.set(server.name, [...(runs.get(server.name) ?? []), run]);
        progress(
          `round ${round + 1}: ${server.name} kept ${share(run)} of ${figure(run.alone.rate)} tok/s, short request after ${figure(run.shortDuring)} ms`,
        );
      }
    }
    return [latencyTable(load, runs)];
  },
});

async function measure(server: ChatServer, load: LatencyLoad): Promise<PrefillLatency> {
  try {
    return await prefillLatency(server, load);
  } finally {
    await server.stop();
  }
}

function share(run: PrefillLatency): string {
  return `${(100 * shareKept(run)).toFixed(0)} %`;
}

function latencyTable(load: LatencyLoad, runs: ReadonlyMap<string, readonly PrefillLatency[]>): Table {
  const row = (name: string, of: (run: PrefillLatency) => number): string[] => [
    name,
    ...[...runs.values()].map((all) => figure(median(all.map(of)))),
  ];
  return table(
    [`${load.decoders} answers, then ${load.prompts} prompts of about ${load.promptTokens} tokens one after the other`, ...runs.keys()],
    [
      row('tokens/s of one answer, before', ({ alone }) => alone.rate),
      row('tokens/s of one answer, meanwhile', ({ during }) => during.rate),
      row('tokens/s of one answer, after', ({ after }) => after.rate),
      row('share kept of what is between the two, %', (run) => 100 * shareKept(run)),
      row('between two tokens before, p50, ms', ({ alone }) => alone.p50),
      row('p95', ({ alone }) => alone.p95),
      row('max', ({ alone }) => alone.max),
      row('between two tokens meanwhile, p50, ms', ({ during }) => during.p50),
      row('p95', ({ during }) => during.p95),
      row('max', ({ during }) => during.max),
      row('tokens of the long prompts', ({ promptTokens }) => promptTokens),
      row('read at, tokens/s', ({ promptTokens, promptMillis }) => (promptTokens * 1000) / promptMillis),
      row('first token of a short request beside the answers, ms', ({ shortAlone }) => shortAlone),
      row('behind a long prompt (slowest of a run), ms', ({ shortDuring }) => shortDuring),
      row('the same in steps', ({ shortSteps }) => shortSteps),
    ],
  );
}
