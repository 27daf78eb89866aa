/** Counts what engines do, and writes it as Prometheus and OpenMetrics read it. Gauges are read when somebody scrapes; nothing waits for a step. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { dialectCode } from '../../core/domain/dialect-code.js';
import type { ErrorCode } from '../../core/domain/errors.js';
import type { EngineObserver } from '../../core/ports.js';
import { type Definition, type MetricName, METRICS } from './definitions.js';

/** What there is at the moment of a scrape. */
export interface MetricsSnapshot {
  readonly engines: readonly {
    readonly model: string;
    readonly waiting: number;
    readonly running: number;
    readonly poolUsedBytes: number;
    readonly poolTotalBytes: number;
    readonly prefillTokensPerSecond: number;
    readonly decodeTokensPerSecond: number;
  }[];
  readonly agents: number;
  /** Tokens of each since it was made, by kind; empty unless asked for, since every id is a series. */
  readonly agentTokens: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly memory: Readonly<Record<'weights' | 'kv' | 'heap' | 'resident' | 'budget', number>>;
  readonly store: {
    readonly bytes: number;
    readonly deadBytes: number;
    readonly maxBytes: number;
    readonly isSuspended: boolean;
    /** Blocks that made way; begins at 0 again when the store is opened again. */
    readonly evicted: number;
  };
  /** Exchanges that are over, each with an id of its own. */
  readonly swaps: readonly { readonly id: string; readonly outcome: string; readonly seconds: number }[];
  readonly upSeconds: number;
}

const LAG_RESOLUTION_MS = 10;
const PERCENTILES = [50, 99] as const;

type Metric = Counter | Gauge | Histogram;

export class DaemonMetrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Metric>();
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #seenSwaps = new Set<string>();
  readonly #prompts = new Map<string, { tokens: number; cached: number }>();
  #seenEvicted = 0;
  #scrape: Promise<unknown> = Promise.resolve();

  constructor(private readonly snapshot: () => MetricsSnapshot) {
    for (const [name, definition] of Object.entries(METRICS) as [MetricName, Definition][]) {
      const { help, labels: labelNames, buckets } = definition;
      const base = { name, help, labelNames: [...labelNames], registers: [this.#registry] };
      if (definition.type === 'counter') this.#metrics.set(name, new Counter(base));
      else if (definition.type === 'gauge') this.#metrics.set(name, new Gauge(base));
      else this.#metrics.set(name, new Histogram({ ...base, buckets: [...(buckets ?? [])] }));
    }
    this.#lag.enable();
  }

  /** For the engine of one model; another engine of the same name goes on with the same figures. */
  observerOf(model: string): EngineObserver {
    const labels = { model };
    // Looked up once: a gap is counted for every token.
    const gaps = (this.#metrics.get('semantic_inter_token_seconds') as Histogram).labels(labels);
    const batches = (this.#metrics.get('semantic_batch_size') as Histogram).labels(labels);
    const generated = this.#counter('semantic_tokens_generated_total').labels(labels);
    const prefilled = this.#counter('semantic_tokens_prefilled_total').labels(labels);
    const prompts = this.#prompts.get(model) ?? { tokens: 0, cached: 0 };
    this.#prompts.set(model, prompts);
    return {
      step(sequences, decodedTokens, prefilledTokens) {
        batches.observe(sequences);
        generated.inc(decodedTokens);
        prefilled.inc(prefilledTokens);
      },
      gap: (ms) => gaps.observe(ms / 1000),
      firstToken: (ms) => this.#observe('semantic_time_to_first_token_seconds', labels, ms / 1000),
      started: ({ promptTokens, cachedTokens, miss }) => {
        prompts.tokens += promptTokens;
        prompts.cached += cachedTokens;
        if (cachedTokens > 0) this.#counter('semantic_cache_hit_total').inc(labels);
        if (miss !== null || cachedTokens === 0)
          this.#counter('semantic_cache_miss_total').inc({ model, cause: miss?.cause ?? 'never_seen' });
      },
      ended: (outcome, ms, isRefused) => {
        const status = outcome === 'ok' ? outcome : dialectCode(outcome);
        this.#counter('semantic_request_total').inc({ model, status });
        if (outcome === 'ok') this.#observe('semantic_request_duration_seconds', labels, ms / 1000);
        else if (outcome === 'Cancelled') this.#counter('semantic_cancelled_total').inc(labels);
        else if (isRefused) this.#counter('semantic_rejected_total').inc({ model, reason: status });
      },
      evicted: (sequences) => this.#counter('semantic_eviction_total').inc({ model, tier: 'memory' }, sequences),
      persisted: (ms, bytes) => {
        this.#observe('semantic_cache_persist_duration_seconds', labels, ms / 1000);
        this.#counter('semantic_cache_bytes_written_total').inc(labels, bytes);
      },
      stage: () => undefined, // of single requests: traces have them
    };
  }

  /** A request was refused before it was known which model it wants. */
  refused(reason: ErrorCode): void {
    this.#counter('semantic_rejected_total').inc({ reason: dialectCode(reason) });
  }

  /** The whole page; `accept` chooses OpenMetrics where it asks for it. One scrape after the other. */
  async page(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }> {
    const write = async (): Promise<{ contentType: string; text: string }> => {
      this.#read(this.snapshot());
      const isOpenMetrics = accept?.includes('application/openmetrics-text') === true;
      // prom-client writes what its registry was set to last, and takes the end off the names of counters for OpenMetrics.
      for (const [name, metric] of this.#metrics) (metric as unknown as { name: string }).name = name;
      this.#registry.setContentType((isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE) as never);
      return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
    };
    const written = this.#scrape.then(write);
    this.#scrape = written.catch(() => undefined);
    return written;
  }

  close(): void {
    this.#lag.disable();
  }

  #read({ engines, agents, agentTokens, memory, store, swaps, upSeconds }: MetricsSnapshot): void {
    for (const name of [
      'semantic_request_queue_depth',
      'semantic_requests_running',
      'semantic_tokens_per_second',
      'semantic_pool_utilization_ratio',
    ] as const)
      this.#gauge(name).reset(); // of models that are gone nothing stays
    for (const engine of engines) {
      const labels = { model: engine.model };
      this.#gauge('semantic_request_queue_depth').set(labels, engine.waiting);
      this.#gauge('semantic_requests_running').set(labels, engine.running);
      this.#gauge('semantic_pool_utilization_ratio').set(
        labels,
        engine.poolTotalBytes === 0 ? 0 : engine.poolUsedBytes / engine.poolTotalBytes,
      );
      this.#gauge('semantic_tokens_per_second').set({ ...labels, phase: 'prefill' }, engine.prefillTokensPerSecond);
      this.#gauge('semantic_tokens_per_second').set({ ...labels, phase: 'decode' }, engine.decodeTokensPerSecond);
    }
    for (const [model, { tokens, cached }] of this.#prompts)
      this.#gauge('semantic_cached_tokens_ratio').set({ model }, tokens === 0 ? 0 : cached / tokens);
    const { budget, ...used } = memory;
    for (const [kind, bytes] of Object.entries(used)) this.#gauge('semantic_memory_used_bytes').set({ kind }, bytes);
    this.#gauge('semantic_memory_budget_bytes').set(budget);
    this.#gauge('semantic_agents_active').set(agents);
    const agentCounter = this.#counter('semantic_agent_tokens_total');
    agentCounter.reset(); // agents keep the sums themselves, and of those that are gone nothing stays
    for (const [agent, tokens] of agentTokens) {
      for (const [kind, count] of Object.entries(tokens)) agentCounter.inc({ agent, kind }, count);
    }
    this.#gauge('semantic_up_seconds').set(upSeconds);
    this.#gauge('semantic_store_bytes').set({ kind: 'live' }, store.bytes);
    this.#gauge('semantic_store_bytes').set({ kind: 'dead' }, store.deadBytes);
    this.#gauge('semantic_store_bytes').set({ kind: 'most' }, store.maxBytes);
    this.#gauge('semantic_store_suspended').set(Number(store.isSuspended));
    const evicted = store.evicted < this.#seenEvicted ? store.evicted : store.evicted - this.#seenEvicted;
    this.#counter('semantic_eviction_total').inc({ tier: 'disk' }, evicted);
    this.#seenEvicted = store.evicted;
    for (const { id, outcome, seconds } of swaps) {
      if (!this.#seenSwaps.has(id)) this.#observe('semantic_model_swap_duration_seconds', { outcome }, seconds);
      this.#seenSwaps.add(id);
    }
    this.#readLag();
  }

  /** The monitor measures whole timer periods: what is beyond one is lag. */
  #readLag(): void {
    const seconds = (nanos: number): number => Math.max(0, nanos / 1e9 - LAG_RESOLUTION_MS / 1000);
    const lag = this.#gauge('semantic_event_loop_lag_seconds');
    const isMeasured = this.#lag.count > 0;
    for (const percentile of PERCENTILES)
      lag.set({ percentile: `${percentile}` }, isMeasured ? seconds(this.#lag.percentile(percentile)) : 0);
    lag.set({ percentile: '100' }, isMeasured ? seconds(this.#lag.max) : 0);
    this.#lag.reset();
  }

  #counter(name: MetricName): Counter {
    return this.#metrics.get(name) as Counter;
  }

  #gauge(name: MetricName): Gauge {
    return this.#metrics.get(name) as Gauge;
  }

  #observe(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    (this.#metrics.get(name) as Histogram).observe({ ...labels }, value);
  }
}
