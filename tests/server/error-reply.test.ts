import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { SemanticError } from '../../src/core/domain/errors.js';
import { replyWithError } from '../../src/server/error-reply.js';
import { replyWithMessagesError } from '../../src/server/messages/errors.js';

const UNFORESEEN = new Error("ENOENT: no such file or directory, scandir '/home/somebody/models'");

test.each([
  ['OpenAI', replyWithError, { error: { type: 'server_error', code: 'internal', param: null } }],
  ['Messages', replyWithMessagesError, { type: 'error', error: { type: 'api_error' } }],
] as const)('what nobody foresaw is a 500 that names nothing of the machine: %s', async (_dialect, replyWith, body) => {
  const app = Fastify();
  app.setErrorHandler(replyWith);
  app.get('/', () => Promise.reject(UNFORESEEN));
  const reply = await app.inject('/');
  expect(reply.statusCode).toBe(500);
  expect(reply.json()).toMatchObject(body);
  expect(reply.body).not.toContain('somebody');
  expect(reply.body).toContain('x-request-id');
});

test('what was foreseen is told as it is', async () => {
  const app = Fastify();
  app.setErrorHandler(replyWithError);
  app.get('/', () => Promise.reject(new SemanticError('EngineFailed', '[step] no memory')));
  expect((await app.inject('/')).json()).toMatchObject({ error: { message: '[step] no memory', code: 'engine_failed' } });
});

test('what broke here is told with the name of its file, and not where it lies', async () => {
  const app = Fastify();
  app.setErrorHandler(replyWithError);
  const said = "wanted /home/some body/models/a/model.safetensors, got nothing: open '/srv/x/y.bin' (/v1/models stays)";
  app.get('/broken', () => Promise.reject(new SemanticError('ModelFileMissing', said, { hint: 'Look.', param: 'model' })));
  app.get('/wrong', () => Promise.reject(new SemanticError('RouteNotFound', 'there is no GET /v1/wrong/way')));
  const { error } = (await app.inject('/broken')).json() as { error: object };
  expect(error).toMatchObject({
    code: 'model_file_missing',
    param: 'model',
    message: expect.stringMatching(/^wanted .*model\.safetensors, .*'y\.bin'.* Look\.$/),
  });
  expect(JSON.stringify(error)).not.toMatch(/\/home|\/srv/);
  expect((await app.inject('/wrong')).json()).toMatchObject({ error: { message: 'there is no GET /v1/wrong/way' } });
});
