/** The Responses API: its routes, its errors, and what it does when the daemon stops. */
import type { FastifyInstance } from 'fastify';
import type { RecordStore } from '../../adapters/records/record-store.js';
import { SemanticError } from '../../core/domain/errors.js';
import { replyWithError } from '../error-reply.js';
import { BackgroundResponses } from './background.js';
import { createResponses, type CreateOptions } from './create.js';
import { StoredResponses } from './stored-responses.js';
import { storedRoutes } from './stored-routes.js';
import { refuseUpgrades } from './upgrade.js';

export interface ResponsesOptions extends Omit<CreateOptions, 'stored' | 'background'> {
  readonly responses: RecordStore;
}

export function responses(app: FastifyInstance, { responses: records, ...options }: ResponsesOptions): void {
  const [stored, background] = [new StoredResponses(records), new BackgroundResponses()];
  void app.register((scoped, _, done) => {
    scoped.setErrorHandler((thrown, request, reply) => replyWithError(ofInput(thrown), request, reply));
    scoped.addHook('onClose', async () => {
      await background.settled(); // the engine has ended them
      await records.settled();
    });
    refuseUpgrades(scoped);
    createResponses(scoped, { ...options, stored, background });
    storedRoutes(scoped, { stored, background, limits: options.stream });
    done();
  });
}

/** What the engine calls messages is `input` here. */
function ofInput(thrown: unknown): unknown {
  if (!(thrown instanceof SemanticError) || thrown.param !== 'messages') return thrown;
  const { code, message, hint, cause } = thrown;
  return new SemanticError(code, message, { param: 'input', cause, ...(hint === undefined ? {} : { hint }) });
}
