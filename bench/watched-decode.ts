/** Decode speed of one engine while it is watched as a daemon's is, and while nobody watches: it is the same engine, so that nothing else differs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import pino from 'pino';

import { loadConfig } from '#src/adapters/config/load-config.js';
import { DaemonMetrics } from '#src/adapters/metrics/daemon-metrics.js';
import { openTraces } from '#src/adapters/traces/open-traces.js';
import type { Traces } from '#src/adapters/traces/traces.js';
import { type GenerationRequest, NOBODYS_KV } from '#src/core/domain/request.js';
import { GREEDY } from '#src/core/domain/sampling.js';
import { type EngineObserver, NO_OBSERVER } from '#src/core/ports.js';
import { snapshotOf } from '#src/server/metrics.js';
import { type OpenedEngine, openEngine } from '#src/server/open-engine.js';
import { traceOf } from '#src/server/trace-context.js';

import type { ENGINE } from './verb.js';

/** Takes every request and forgets it; says its port. */
const SINK = `const s = require('node:http').createServer((q, r) => { q.resume(); q.on('end', () => r.end()); });
s.listen(0, '127.0.0.1', () => console.log(s.address().port));`;
/** Four times as often as Prometheus does where nothing is said. */
const SCRAPE_MS = 15_000 / 4;

export class WatchedDecode {
  readonly #log = pino({ level: 'info' }, pino.destination({ dest: '/dev/null', sync: true }));

  private constructor(
    private readonly opened: OpenedEngine,
    private readonly watch: Switch,
    private readonly traces: Traces,
    private readonly stopSink: () => void,
  ) {}

  static async start(flags: typeof ENGINE): Promise<WatchedDecode> {
    const settings = loadConfig({
      environment: process.env,
      workingDirectory: process.cwd(),
      flags: {
        'model.default': flags.model,
        'model.threads': Number(flags.threads),
        'model.executor': flags.executor,
        'model.kv_format': flags.kv,
        'model.compute': flags.compute,
      },
    });
    const sink = spawn(process.execPath, ['-e', SINK], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(sink.stdout, 'data')) as [Buffer];
    const traces = await openTraces(
      { otlp_endpoint: `http://127.0.0.1:${port.toString().trim()}`, sample_ratio: 1, agent_ids: true },
      { environment: {}, version: 'bench', log: (message) => process.stderr.write(`${message}\n`) },
    );
    const watch = new Switch();
    const opened = await openEngine(settings, { observerOf: () => watch.observer });
    return new WatchedDecode(opened, watch, traces, () => void sink.kill());
  }

  /** Tokens per second of one answer of `tokens` tokens, from the first one on. */
  async plainly(tokens: number): Promise<number> {
    return decode(this.opened, requestOf(tokens));
  }

  /** The same, with metrics counted and scraped, a span for every stage, and a line in the log. */
  async watchedly(tokens: number): Promise<number> {
    const { opened, watch, traces } = this;
    const { id } = opened.engine.model;
    const metrics = new DaemonMetrics(() => snapshotOf(opened, performance.now() / 1000, false));
    watch.target = traces.observe(metrics.observerOf(id), id);
    const scrapes = setInterval(() => void metrics.page(undefined), SCRAPE_MS);
    const came = traceOf(undefined);
    const span = traces.begin(came, false);
    const request = requestOf(tokens);
    const rate = await decode(opened, span.trace === undefined ? request : { ...request, trace: span.trace });
    this.#log.child({ trace: came.traceId }).info({ completionTokens: tokens, reason: 'length' }, 'answered');
    span.end({ method: 'POST', route: '/v1/chat/completions', status: 200, code: null, requestId: 'req_bench' });
    clearInterval(scrapes);
    metrics.close();
    watch.target = NO_OBSERVER;
    return rate;
  }

  async close(): Promise<void> {
    await this.opened.close();
    await this.traces.close(AbortSignal.timeout(5_000));
    this.stopSink();
  }
}

/** Who is told what the engine does, or nobody. */
class Switch {
  target: EngineObserver = NO_OBSERVER;
  readonly observer: EngineObserver = {
    step: (...told) => this.target.step(...told),
    gap: (...told) => this.target.gap(...told),
    firstToken: (...told) => this.target.firstToken(...told),
    started: (...told) => this.target.started(...told),
    ended: (...told) => this.target.ended(...told),
    evicted: (...told) => this.target.evicted(...told),
    persisted: (...told) => this.target.persisted(...told),
    stage: (...told) => this.target.stage(...told),
  };
}

function requestOf(tokens: number): GenerationRequest {
  return {
    messages: [{ role: 'user', content: 'Write a long story.' }],
    tools: [],
    sampling: GREEDY,
    logprobs: false,
    maxTokens: tokens,
    stopStrings: [],
    stopTokenIds: [],
    ignoreEos: true,
    ...NOBODYS_KV,
    cachePrompt: false,
  };
}

async function decode({ engine }: OpenedEngine, request: GenerationRequest): Promise<number> {
  let first = 0;
  for await (const event of engine.submit(request)) {
    if (event.type === 'token' && first === 0) first = performance.now();
    if (event.type === 'finished') return ((event.usage.completionTokens - 1) * 1000) / (performance.now() - first);
  }
  throw new Error('the answer did not finish');
}
