/** One turn of an agent as JSON: whole, or event by event. */
import type { CacheReport } from '../../core/domain/cache-report.js';
import type { EngineEvent, FinishReason, TokenLogprob, Usage } from '../../core/domain/request.js';
import type { AgentTurnStarted } from '../../core/engine/agent-service.js';
import { logprobBody } from '../generation/logprob-body.js';
import { reportBody } from './bodies.js';

export interface FinishedTurn {
  readonly agent: string;
  readonly text: string;
  /** Null where none were asked for. */
  readonly logprobs: readonly TokenLogprob[] | null;
  readonly reason: FinishReason;
  readonly usage: Usage;
  readonly report: CacheReport;
}

export function turnBody({ agent, text, logprobs, reason, usage, report }: FinishedTurn): object {
  return {
    object: 'agent.turn',
    agent,
    text,
    finish_reason: reason,
    usage: usageBody(usage, report),
    cache: { source: report.source, miss: report.miss },
    ...(logprobs === null ? {} : { logprobs: logprobs.map(logprobBody) }),
  };
}

/** `event:` of the stream is its `type`. */
export interface TurnEventBody {
  readonly type: 'agent' | 'started' | 'delta' | 'finished' | 'error';
  readonly [field: string]: unknown;
}

/** Null for what is no news to a client: that it waits, which silence says as well. */
export function turnEvent(event: AgentTurnStarted | EngineEvent, report: CacheReport | null): TurnEventBody | null {
  switch (event.type) {
    case 'agent':
      return { type: 'agent', agent: event.id };
    case 'queued':
      return null;
    case 'started':
      return { type: 'started', cache: reportBody(event.cache) };
    case 'token':
      return { type: 'delta', text: event.text, ...(event.logprob === null ? {} : { logprob: logprobBody(event.logprob) }) };
    case 'finished':
      return { type: 'finished', finish_reason: event.reason, usage: usageBody(event.usage, report) };
  }
}

function usageBody({ promptTokens, completionTokens, cachedTokens }: Usage, report: CacheReport | null): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    cached_tokens: cachedTokens,
    created_tokens: report?.createdTokens ?? 0,
  };
}
