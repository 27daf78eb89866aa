/** What one request leaves in the audit log: a line when it is done, or two where its work goes on behind the answer. */
import type { FastifyRequest } from 'fastify';
import type { AuditEvent } from '../../adapters/audit/audit-event.js';
import { toSemanticError } from '../error-reply.js';
import { actorOf } from './actor-of.js';
import type { AuditedRoute } from './audited-routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Only while a route runs whose requests are recorded. */
    audit?: RequestAudit;
  }
}

export interface AuditSource {
  /** Never rejects. */
  record(event: AuditEvent): Promise<void>;
}

export class RequestAudit {
  #outcome = 'ok';
  #hasBegun = false;

  constructor(
    private readonly request: FastifyRequest,
    private readonly route: AuditedRoute,
    private readonly log: AuditSource,
  ) {}

  /** It failed, and its client is told in a stream that began well. */
  failed(error: unknown): void {
    this.#outcome = toSemanticError(error, null).code;
  }

  /** It was taken up; `ended` resolves with what went wrong, or null, and that is a line of its own. */
  begun(ended: Promise<unknown>): void {
    this.#hasBegun = true;
    void this.#write('accepted', undefined);
    void ended.then((error) => this.#write(error === null ? 'ok' : toSemanticError(error, null).code, undefined));
  }

  /** Runs the route. What it did is on disk before its answer goes out, unless that is a stream. */
  async watch(handle: () => unknown): Promise<unknown> {
    try {
      const answer = await handle();
      if (!this.#hasBegun) await this.#write(this.#outcome, answer);
      return answer;
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'; // the client, while it was sent a file
      await this.#write(isGone ? 'Cancelled' : toSemanticError(error, null).code, undefined);
      throw error;
    }
  }

  #write(outcome: string, answer: unknown): Promise<void> {
    const { action, target } = this.route;
    return this.log.record({
      actor: actorOf(this.request),
      action,
      target: target?.(this.request, answer) ?? null,
      outcome,
      request: this.request.id,
    });
  }
}
