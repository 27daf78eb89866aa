import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';
import { semantic } from '../support/run-semantic.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const ask = (model: string) => daemon.chat({ model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 });
const cli = (...args: string[]) => semantic(['models', 'alias', ...args], { home: daemon.home });

describe('the model of a request', () => {
  test('may be an alias that was set while the daemon runs, until it is removed', async () => {
    expect((await ask('fast')).status).toBe(404);
    expect(await cli('set', 'fast', 'smollm2-135m-instruct')).toMatchObject({ exitCode: 0, stdout: 'fast is smollm2-135m-instruct' });
    expect((await ask('fast')).status).toBe(200);
    expect((await fetch(`${daemon.summary.address}/v1/models/fast`)).status).toBe(200);
    expect(JSON.parse((await cli('ls', '--json')).stdout)).toEqual({ aliases: [{ name: 'fast', model: 'smollm2-135m-instruct' }] });
    expect((await cli('ls')).stdout).toMatch(/^ALIAS +MODEL\nfast +smollm2-135m-instruct$/);
    expect((await cli('rm', 'fast')).exitCode).toBe(0);
    expect((await ask('fast')).status).toBe(404);
  });

  test('may be the name of a vendor, and no other: the answer says what was meant', async () => {
    expect((await ask('claude-sonnet-4-5')).status).toBe(200);
    const answer = await ask('smollm2-135m-instuct');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { code: 'model_not_found', message: expect.stringContaining('Did you mean smollm2-135m-instruct?') },
    });
  });

  test('on the command line too: mistakes have their exit codes', async () => {
    expect(await cli('set', 'fast', 'nothing-like-it')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('nothing-like-it') });
    expect(await cli('set', 'a b', 'smollm2-135m-instruct')).toMatchObject({ exitCode: 2 });
    expect(await cli('rm', 'nothing')).toMatchObject({ exitCode: 4 });
    expect(await cli('ls')).toMatchObject({ exitCode: 0, stdout: '' });
  });
});
