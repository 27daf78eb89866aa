/** semantic jobs ...: against a real daemon, as a user types it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobDetailBody, JobListBody } from '../../../src/client/jobs/job-bodies.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { createHome, type Ended, semantic } from '../../support/run-semantic.js';
import { STARTER_MODEL } from '../../support/starter-model.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon(['--context', '2048']);
});
afterAll(() => daemon.stop());

const jobs = (args: readonly string[], input?: string): Promise<Ended> =>
  semantic(['jobs', ...args], { home: daemon.home, ...(input === undefined ? {} : { input }) });
const chat = (changed: object = {}): string =>
  JSON.stringify({ model: STARTER_MODEL, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3, ...changed });

describe('semantic jobs', () => {
  test('submit, show, ls: a job from a pipe is made, waited for, and shown', async () => {
    const made = await jobs(['submit', '--wait', '--key', 'k', '--priority', '3'], chat());
    expect([made.exitCode, made.stderr.includes('succeeded')]).toEqual([0, true]);
    const id = /job_[0-9a-f]+/.exec(made.stdout)![0];
    expect(made.stdout).toContain('"object": "chat.completion"');
    const shown = await jobs(['show', id, '--json']);
    expect(JSON.parse(shown.stdout) as JobDetailBody).toMatchObject({ id, state: 'succeeded', priority: 3, idempotency_key: 'k' });
    expect((await jobs(['show', id])).stdout).toContain('attempts   1 of 3, the last by daemon');
    const again = await jobs(['submit', '--key', 'k', '--priority', '3'], chat());
    expect(again.stdout).toBe(id);
    const listed = await jobs(['ls']);
    expect([listed.stdout.includes(id), listed.stderr]).toEqual([true, expect.stringContaining('1 succeeded')]);
    const none = JSON.parse((await jobs(['ls', '--state', 'dead', '--json'])).stdout) as JobListBody;
    expect([none.data, none.tally.succeeded]).toEqual([[], 1]);
  });

  test('submit takes a file; cancel and retry say what they did, and end with 4 where there is nothing to do', async () => {
    const file = join(daemon.home, 'request.json');
    writeFileSync(file, chat({ max_tokens: 1_900, ignore_eos: true }));
    const { stdout: id } = await jobs(['submit', file, '--deadline', '600', '--max-attempts', '2']);
    expect((await jobs(['cancel', id])).stdout).toBe(`${id} is cancelled`);
    expect((await jobs(['retry', id])).stdout).toBe(`${id} is queued again`);
    expect((await jobs(['cancel', id])).exitCode).toBe(0);
    const missing = await jobs(['show', 'job_0']);
    expect([missing.exitCode, missing.stderr]).toEqual([4, expect.stringContaining('there is no job job_0')]);
    expect((await jobs(['cancel', 'job_0', '--json'])).exitCode).toBe(4);
    expect((await jobs(['retry', 'job_0'])).exitCode).toBe(4);
  });

  test.each([
    ['no JSON', 'Hi', 'not valid JSON'],
    ['a list', '[]', 'one JSON object'],
    ['a request that the endpoint refuses', chat({ temperature: 9 }), 'temperature'],
  ])('submit refuses %s', async (_, input, said) => {
    const { exitCode, stderr } = await jobs(['submit'], input);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  test('submit refuses a file that is not there, and an endpoint that is none', async () => {
    expect(await jobs(['submit', 'no-such.json'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no-such.json') as unknown,
    });
    expect((await jobs(['submit', '--endpoint', '/v1/models'], chat())).exitCode).toBe(2);
  });

  test('without a daemon it ends with 7, and so does semantic worker', async () => {
    const home = createHome();
    for (const args of [
      ['jobs', 'ls'],
      ['jobs', 'submit'],
      ['worker', '--until-empty'],
    ])
      expect((await semantic(args, { home: home.path, input: chat() })).exitCode).toBe(7);
    home.remove();
  });
});
