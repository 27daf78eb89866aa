/** Agents and their cache, as the commands need them, over the daemon's socket. */
import { z } from 'zod';
import { SemanticError } from '../core/domain/errors.js';
import {
  type AgentBody,
  type AgentDetailBody,
  agentDetailSchema,
  agentListSchema,
  agentSchema,
  type RemovedAgentBody,
  removedAgentSchema,
  type TurnsBody,
  turnsSchema,
} from './agent-bodies.js';
import {
  type BlockBody,
  blockSchema,
  type ChainBody,
  chainSchema,
  type EvictedBody,
  evictedSchema,
  type OverviewBody,
  overviewSchema,
  verifyEventSchema,
  type VerifyReportBody,
} from './cache-bodies.js';
import { DaemonHttp } from './daemon-http.js';
import { openFile } from './open-file.js';
import { saveFile } from './save-file.js';
import { sseData } from './sse-lines.js';
import { wireError } from './wire-error.js';

export class AgentClient {
  readonly #http: DaemonHttp;

  constructor(socket: string, connectTimeoutMs: number) {
    this.#http = new DaemonHttp(socket, connectTimeoutMs);
  }

  async list(): Promise<readonly AgentBody[]> {
    return (await this.#http.json({ method: 'GET', path: '/v1/agents' }, agentListSchema)).data;
  }

  show(id: string): Promise<AgentDetailBody> {
    return this.#http.json({ method: 'GET', path: agentPath(id) }, agentDetailSchema);
  }

  turns(id: string): Promise<TurnsBody> {
    return this.#http.json({ method: 'GET', path: agentPath(id, '/turns') }, turnsSchema);
  }

  fork(id: string, child: { readonly id?: string }): Promise<AgentBody> {
    return this.#http.json({ method: 'POST', path: agentPath(id, '/fork'), json: child }, agentSchema);
  }

  rewind(id: string, to: { readonly turns: number } | { readonly messages: number }): Promise<AgentBody> {
    return this.#http.json({ method: 'POST', path: agentPath(id, '/rewind'), json: to }, agentSchema);
  }

  pin(id: string, pinned: boolean): Promise<AgentBody> {
    return this.#http.json({ method: 'POST', path: agentPath(id, '/pin'), json: { pinned } }, agentSchema);
  }

  remove(id: string, { purge, dryRun }: { readonly purge: boolean; readonly dryRun: boolean }): Promise<RemovedAgentBody> {
    return this.#http.json({ method: 'DELETE', path: agentPath(id, `?purge=${purge}&dry_run=${dryRun}`) }, removedAgentSchema);
  }

  /** Writes the agent to `path`, whole or not at all, and returns its bytes. */
  async exportTo(id: string, path: string, options: { readonly overwrite: boolean }): Promise<number> {
    return saveFile(path, options, async () => {
      const { body, headers } = await this.#http.open({ method: 'POST', path: agentPath(id, '/export') });
      return { chunks: body, bytes: Number(headers['content-length']) };
    });
  }

  async importFrom(path: string, id: string | null): Promise<AgentBody> {
    const file = await openFile(path);
    const query = id === null ? '' : `?id=${encodeURIComponent(id)}`;
    return this.#http.json({ method: 'POST', path: `/v1/agents/import${query}`, file }, agentSchema);
  }

  overview(): Promise<OverviewBody> {
    return this.#http.json({ method: 'GET', path: '/v1/cache' }, overviewSchema);
  }

  chain(id: string): Promise<ChainBody> {
    return this.#http.json({ method: 'GET', path: `/v1/cache/agents/${encodeURIComponent(id)}` }, chainSchema);
  }

  block(hash: string): Promise<BlockBody> {
    return this.#http.json({ method: 'GET', path: `/v1/cache/blocks/${encodeURIComponent(hash)}` }, blockSchema);
  }

  evict(options: { readonly agent: string | null; readonly to: 'disk' | 'none'; readonly dryRun: boolean }): Promise<EvictedBody> {
    const { agent, to, dryRun } = options;
    return this.#http.json({ method: 'POST', path: '/v1/cache/evict', json: { agent, to, dry_run: dryRun } }, evictedSchema);
  }

  async verify(onProgress: (done: number, total: number) => void): Promise<VerifyReportBody> {
    const { body } = await this.#http.open({ method: 'POST', path: '/v1/cache/verify' });
    try {
      for await (const data of sseData(body)) {
        if (data === '[DONE]') break;
        const sent = JSON.parse(data) as unknown;
        const error = wireError(sent);
        if (error !== null) throw error;
        const event = verifyEventSchema.parse(sent);
        if (event.type === 'report') return event;
        onProgress(event.done, event.total);
      }
    } catch (error) {
      throw error instanceof z.ZodError ? error : this.#http.broken(error);
    }
    throw new SemanticError('Internal', '[client] the daemon ended its check without a report');
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

function agentPath(id: string, rest = ''): string {
  return `/v1/agents/${encodeURIComponent(id)}${rest}`;
}
