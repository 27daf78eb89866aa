/** No route that changes something goes unrecorded. */
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/adapters/audit/audit-event.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { AUDITED, EXEMPT } from '../../../src/server/audit/audited-routes.js';
import { auditRoutes } from '../../../src/server/audit/audit-routes.js';
import { replyWithError } from '../../../src/server/error-reply.js';
import type { Document } from '../../../src/server/openapi/document.js';
import { startDaemon } from '../../support/daemon.js';

test('every route of a daemon that is no GET has an action, or a reason to have none; and there are no others', async () => {
  const daemon = await startDaemon();
  const { paths } = (await (await fetch(`${daemon.summary.address}/openapi.json`)).json()) as Document;
  await daemon.stop();
  const changing = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method !== 'get' && method !== 'head')
      .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  );
  const named = [...Object.keys(AUDITED), ...Object.keys(EXEMPT)];
  expect(changing.length).toBeGreaterThan(20);
  expect(changing.toSorted()).toEqual(named.toSorted());
});

describe('a route', () => {
  let app: FastifyInstance;
  const told: AuditEvent[] = [];
  afterEach(async () => {
    await app.close();
    told.splice(0);
  });
  const open = (routes: (app: FastifyInstance) => void): void => {
    app = Fastify({ genReqId: () => 'req_1' });
    auditRoutes(app, { record: async (event) => void told.push(event) });
    app.setErrorHandler(replyWithError);
    routes(app);
  };

  test('that nobody gave an action is recorded by its own name; reading is not', async () => {
    open((one) => {
      one.get('/v1/new/:id', () => ({}));
      void one.register((scope, _options, done) => {
        scope.post('/v1/new/:id', () => ({ done: true }));
        scope.route({ method: ['GET', 'PUT'], url: '/v1/both', handler: () => ({}) });
        done();
      });
    });
    expect((await app.inject({ method: 'GET', url: '/v1/new/7' })).statusCode).toBe(200);
    expect((await app.inject({ method: 'GET', url: '/v1/both' })).statusCode).toBe(200);
    expect(told).toEqual([]);
    expect((await app.inject({ method: 'POST', url: '/v1/new/7' })).json()).toEqual({ done: true });
    expect((await app.inject({ method: 'PUT', url: '/v1/both' })).statusCode).toBe(200);
    expect(told).toEqual([
      { actor: 'loopback', action: 'POST /v1/new/:id', target: '{"id":"7"}', outcome: 'ok', request: 'req_1' },
      { actor: 'loopback', action: 'PUT /v1/both', target: '{}', outcome: 'ok', request: 'req_1' },
    ]);
  });

  test('that is given something else where a name should be is recorded with that', async () => {
    open((one) => one.post('/v1/admin/models/pull', () => Promise.reject(new SemanticError('InvalidRequest', 'wanted a source'))));
    for (const source of [{ toString: 1 }, [null], 7, null])
      expect((await app.inject({ method: 'POST', url: '/v1/admin/models/pull', payload: { source } })).statusCode).toBe(400);
    expect(told.map(({ target }) => target)).toEqual(['{"toString":1}', '[null]', '7', null]);
  });

  test('that fails is recorded with its error, and answers it as ever', async () => {
    open((one) => {
      one.delete('/v1/agents/:id', () => {
        throw new SemanticError('AgentNotFound', 'no');
      });
      one.patch('/v1/agents/:id', () => Promise.reject(new TypeError('a bug')));
    });
    expect((await app.inject({ method: 'DELETE', url: '/v1/agents/a' })).statusCode).toBe(404);
    expect((await app.inject({ method: 'PATCH', url: '/v1/agents/a' })).statusCode).toBe(500);
    expect(told.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
      ['agent.delete', 'a', 'AgentNotFound'],
      ['agent.change', 'a', 'Internal'],
    ]);
  });

  test('whose work goes on behind its answer leaves two lines, the second with what became of it', async () => {
    let end: (error: unknown) => void = () => undefined;
    open((one) =>
      one.post('/v1/admin/models/swap', (request, reply) => {
        request.audit!.begun(new Promise((resolve) => (end = resolve)));
        return reply.code(202).send({});
      }),
    );
    const swap = () => app.inject({ method: 'POST', url: '/v1/admin/models/swap', payload: { model: 'm' } });
    expect((await swap()).statusCode).toBe(202);
    expect(told.map(({ outcome }) => outcome)).toEqual(['accepted']);
    end(new SemanticError('ModelSwap', 'it did not fit'));
    await swap();
    end(null);
    await new Promise(setImmediate);
    expect(told.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
      ['model.swap', 'm', 'accepted'],
      ['model.swap', 'm', 'ModelSwap'],
      ['model.swap', 'm', 'accepted'],
      ['model.swap', 'm', 'ok'],
    ]);
  });

  test('that only says what it would do is not recorded', async () => {
    open((one) => {
      one.delete('/v1/agents/:id', () => ({}));
      one.post('/v1/cache/evict', () => ({}));
    });
    await app.inject({ method: 'DELETE', url: '/v1/agents/a?dry_run=true' });
    await app.inject({ method: 'POST', url: '/v1/cache/evict', payload: { to: 'none', dry_run: true } });
    expect(told).toEqual([]);
    await app.inject({ method: 'DELETE', url: '/v1/agents/a?dry_run=false' });
    await app.inject({ method: 'POST', url: '/v1/cache/evict', payload: { to: 'none' } });
    expect(told.map(({ action, target }) => [action, target])).toEqual([
      ['agent.delete', 'a'],
      ['cache.evict', 'all'],
    ]);
  });
});
