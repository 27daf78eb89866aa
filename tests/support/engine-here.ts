/** The engine in this process, on the real model. */
import { loadConfig } from '../../src/adapters/config/load-config.js';
import { type EngineEvent, type GenerationRequest, NOBODYS_KV, type Usage } from '../../src/core/domain/request.js';
import { GREEDY } from '../../src/core/domain/sampling.js';
import { type OpenedEngine, openEngine } from '../../src/server/open-engine.js';
import { starterModelFile } from './starter-model.js';

/** Without a store; `home` is a folder of the test's own. */
export function openHere(home: string, settings: Readonly<Record<string, unknown>> = {}): Promise<OpenedEngine> {
  return openEngine(configHere(home, settings));
}

/** Settings for an engine whose KV has room for so many blocks of 256 tokens. */
export function budgetOf(blocks: number, like: OpenedEngine, home: string): Readonly<Record<string, unknown>> {
  const bytes = blocks * 256 * like.engine.model.cache.bytesPerToken;
  return { 'engine.memory_budget_bytes': like.weightBytes + configHere(home, {}).engine.scratch_bytes + bytes };
}

function configHere(home: string, settings: Readonly<Record<string, unknown>>): ReturnType<typeof loadConfig> {
  return loadConfig({
    environment: { SEMANTIC_HOME: home },
    workingDirectory: home,
    flags: { 'model.default': starterModelFile(), ...settings },
  });
}

export function requestOf(content: string, changed: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    messages: [{ role: 'user', content }],
    tools: [],
    sampling: { ...GREEDY, seed: 1n },
    logprobs: false,
    maxTokens: 8,
    stopStrings: [],
    stopTokenIds: [],
    ignoreEos: true,
    ...NOBODYS_KV,
    ...changed,
  };
}

export interface Answer {
  readonly text: string;
  readonly usage: Usage;
  /** Ids of prompt and answer. */
  readonly tokens: readonly number[];
}

export async function readAll(events: AsyncIterable<EngineEvent>): Promise<Answer> {
  let text = '';
  for await (const event of events) {
    if (event.type === 'token') text += event.text;
    if (event.type === 'finished') return { text, usage: event.usage, tokens: [...event.tokens!] };
  }
  throw new Error('the answer did not finish');
}
