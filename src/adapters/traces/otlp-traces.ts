/** Spans of requests, their stages and of exchanges of models, for a receiver of OTLP. They carry ids and counts, never text or keys. */
import { randomBytes, randomUUID } from 'node:crypto';
import { dialectCode } from '../../core/domain/dialect-code.js';
import type { RequestStage, StageCounts } from '../../core/domain/request-stage.js';
import type { TraceParent } from '../../core/domain/trace-parent.js';
import type { EngineObserver } from '../../core/ports.js';
import type { SwapReport } from '../../core/residency/swap-report.js';
import { isSampled } from './is-sampled.js';
import type { OtlpTarget } from './otlp-target.js';
import type { Attributes, AttributeValue, Span } from './span.js';
import { SpanExporter } from './span-exporter.js';
import type { CameWith, RequestEnd, RequestSpan, Traces } from './traces.js';

export interface OtlpTracesOptions {
  readonly target: OtlpTarget;
  readonly service: string;
  readonly version: string;
  /** Of the requests that come without a trace. */
  readonly sampleRatio: number;
  /** Spans say whose turn it is. */
  readonly agentIds: boolean;
  readonly log: (message: string) => void;
}

const COUNTS: Readonly<Record<keyof StageCounts, string>> = {
  promptTokens: 'semantic.prompt_tokens',
  cachedTokens: 'semantic.cached_tokens',
  restoredTokens: 'semantic.restored_tokens',
  completionTokens: 'semantic.completion_tokens',
  preemptions: 'semantic.preemptions',
  bytes: 'semantic.bytes',
};

/** As OpenTelemetry's conventions for generative AI have them: on the request alone, so that nobody adds them up twice. */
const USAGE: Partial<Record<keyof StageCounts, string>> = {
  promptTokens: 'gen_ai.usage.input_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  completionTokens: 'gen_ai.usage.output_tokens',
};

/** What the request's span has from its stages. */
type Gathered = Record<string, AttributeValue>;

export class OtlpTraces implements Traces {
  readonly #options: OtlpTracesOptions;
  readonly #exporter: SpanExporter;
  /** By span, of requests that are not over. */
  readonly #running = new Map<string, Gathered>();

  constructor(options: OtlpTracesOptions) {
    const { target, version, log } = options;
    const resource = {
      'service.name': options.service,
      'service.version': version,
      'service.instance.id': randomUUID(),
      'process.pid': process.pid,
    };
    this.#options = options;
    this.#exporter = new SpanExporter({ target, resource, version, log });
  }

  begin(came: CameWith, isPolled: boolean): RequestSpan {
    const { traceId, spanId, parentId } = came;
    const isWanted =
      parentId === null ? !isPolled && isSampled(traceId, this.#options.sampleRatio) : (Number.parseInt(came.flags, 16) & 1) === 1;
    if (!isWanted) return { flags: '00', trace: undefined, end: () => undefined };
    const startMs = performance.now();
    const trace: TraceParent = { traceId, spanId, epochMs: Date.now() - startMs };
    this.#running.set(spanId, {});
    return { flags: '01', trace, end: (how) => this.#endRequest(trace, parentId, startMs, how) };
  }

  observe(observer: EngineObserver, model: string): EngineObserver {
    return {
      ...observer,
      stage: (stage) => {
        observer.stage(stage);
        this.#writeStage(stage, model);
      },
    };
  }

  exchanged({ id, from, to, state, states, ms, cut, error }: SwapReport, trace: TraceParent | undefined): void {
    if (trace === undefined) return;
    const endMs = performance.now();
    let at = endMs - ms;
    const events = states.map((entered) => {
      const event = { name: entered.state, atMs: trace.epochMs + at };
      at += entered.ms;
      return event;
    });
    this.#write(trace, {
      name: 'swap',
      startMs: endMs - ms,
      endMs,
      attributes: {
        'semantic.swap_id': id,
        ...(from === null ? {} : { 'semantic.from_model': from }),
        'semantic.model': to,
        'semantic.outcome': state,
        'semantic.cut_answers': cut,
      },
      events,
      error: error === null ? null : state,
    });
  }

  close(deadline: AbortSignal): Promise<void> {
    return this.#exporter.close(deadline);
  }

  #endRequest(trace: TraceParent, parentId: string | null, startMs: number, how: RequestEnd): void {
    const gathered = this.#running.get(trace.spanId) ?? {};
    this.#running.delete(trace.spanId);
    this.#exporter.add({
      traceId: trace.traceId,
      spanId: trace.spanId,
      parentId,
      isParentRemote: parentId !== null,
      name: 'request',
      kind: 'server',
      startMs: trace.epochMs + startMs,
      endMs: trace.epochMs + performance.now(),
      attributes: {
        'http.request.method': how.method,
        ...(how.route === null ? {} : { 'http.route': how.route }),
        'http.response.status_code': how.status,
        'semantic.request_id': how.requestId,
        ...(how.code === null ? {} : { 'error.type': how.code }),
        ...gathered,
      },
      events: [],
      error: how.status >= 500 && how.code !== null ? how.code : null, // what the client did wrong is no error of the server's
    });
  }

  #writeStage(stage: RequestStage, model: string): void {
    const { trace, name, startMs, endMs, generation, agent, counts, reason, outcome } = stage;
    this.#gather(stage, model);
    const code = outcome === 'ok' ? null : dialectCode(outcome);
    const said = Object.entries(counts).map(([count, value]) => [COUNTS[count as keyof StageCounts], value as number]);
    const attributes: Attributes = {
      'semantic.model': model,
      ...(generation === null ? {} : { 'semantic.generation': generation }),
      ...(agent === null || !this.#options.agentIds ? {} : { 'semantic.agent_id': agent }),
      ...(Object.fromEntries(said) as Record<string, number>),
      ...(reason === null ? {} : { 'semantic.finish_reason': reason }),
      ...(code === null ? {} : { 'error.type': code }),
    };
    this.#write(trace, { name, startMs, endMs, attributes, events: [], error: outcome === 'Cancelled' ? null : code });
  }

  #gather({ trace, counts, reason }: RequestStage, model: string): void {
    const gathered = this.#running.get(trace.spanId);
    if (gathered === undefined) return;
    gathered['gen_ai.response.model'] = model;
    for (const [count, name] of Object.entries(USAGE)) {
      const value = counts[count as keyof StageCounts];
      if (value !== undefined) gathered[name] = ((gathered[name] as number | undefined) ?? 0) + value;
    }
    const reasons = 'gen_ai.response.finish_reasons';
    if (reason !== null) gathered[reasons] = [...((gathered[reasons] as readonly string[] | undefined) ?? []), reason];
  }

  /** A part of `trace`; times are the engine's timer's. */
  #write(
    { traceId, spanId, epochMs }: TraceParent,
    part: Pick<Span, 'name' | 'startMs' | 'endMs' | 'attributes' | 'events' | 'error'>,
  ): void {
    this.#exporter.add({
      ...part,
      traceId,
      spanId: randomBytes(8).toString('hex'),
      parentId: spanId,
      isParentRemote: false,
      kind: 'internal',
      startMs: epochMs + part.startMs,
      endMs: epochMs + part.endMs,
    });
  }
}
