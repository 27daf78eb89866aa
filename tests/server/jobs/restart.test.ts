/** Jobs of daemons that stop, die, share a home, or take none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobBody, JobDetailBody, JobListBody } from '../../../src/client/jobs/job-bodies.js';
import { AgentApi, type ErrorBody } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { starterModelFile } from '../../support/starter-model.js';

let home: string;
let daemons: TestDaemon[] = [];
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'semantic-'))));
afterEach(async () => {
  for (const daemon of daemons) await daemon.stop();
  daemons = [];
  rmSync(home, { recursive: true, force: true });
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<{ daemon: TestDaemon; api: AgentApi }> {
  const args = ['--context', '2048', '--model', starterModelFile(), '--socket', join(home, `${daemons.length}.sock`)];
  const daemon = await startDaemon(args, {
    SEMANTIC_HOME: home,
    SEMANTIC_STORE_ENABLED: 'false',
    SEMANTIC_JOBS_BACKOFF_SECONDS: '0.05',
    SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '1',
    ...env,
  });
  daemons.push(daemon);
  return { daemon, api: new AgentApi(daemon) };
}

const job = (content: string, maxTokens: number): object => ({
  endpoint: '/v1/chat/completions',
  body: { model: 'gpt-5', messages: [{ role: 'user', content }], max_tokens: maxTokens, ignore_eos: true, temperature: 0 },
});
const submit = async (api: AgentApi, content: string, maxTokens = 4): Promise<string> =>
  (await api.call<JobBody>('POST', '/jobs', job(content, maxTokens))).body.id;
const ended = (api: AgentApi, id: string): Promise<JobDetailBody> =>
  until(
    async () => (await api.call<JobDetailBody>('GET', `/jobs/${id}`)).body,
    ({ state }) => !['queued', 'running'].includes(state),
  );
const running = (daemon: TestDaemon): Promise<number> =>
  until(
    async () => (await daemon.status()).engine.running,
    (count) => count > 0,
  );

test('what waits, runs or is over when the daemon is killed is there when it comes again, and is run to its end', async () => {
  const first = await start();
  const done = await ended(first.api, await submit(first.api, 'One'));
  const long = await submit(first.api, 'Two', 1_000);
  const waiting = await submit(first.api, 'Three');
  await running(first.daemon);
  first.daemon.signal('SIGKILL');
  await first.daemon.ended();
  const { api } = await start();
  expect((await api.call<JobDetailBody>('GET', `/jobs/${done.id}`)).body).toEqual(done);
  await api.call('POST', `/jobs/${long}/cancel`);
  expect(await ended(api, long)).toMatchObject({ state: 'cancelled', error: { code: 'lease_lost' } });
  expect(await ended(api, waiting)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a job that takes the daemon with it each time is dead at last', async () => {
  const first = await start();
  const made = await first.api.call<JobBody>('POST', '/jobs', { ...job('Story', 1_900), max_attempts: 1 });
  await running(first.daemon);
  first.daemon.signal('SIGKILL');
  await first.daemon.ended();
  const { api } = await start();
  expect(await ended(api, made.body.id)).toMatchObject({ state: 'dead', attempts: 1, error: { code: 'lease_lost' } });
});

test('what runs when the daemon is told to stop is given back, and counts no attempt', async () => {
  const first = await start();
  const long = await submit(first.api, 'Story', 1_900);
  await running(first.daemon);
  first.daemon.signal('SIGTERM');
  expect(await first.daemon.ended()).toEqual([0, null]);
  const second = await start({ SEMANTIC_JOBS_WORKERS: '0' });
  expect((await second.api.call<JobDetailBody>('GET', `/jobs/${long}`)).body).toMatchObject({ state: 'queued', attempts: 0 });
});

test('a second daemon of the same home takes no jobs until the first has ended, and answers all else', async () => {
  const first = await start();
  const id = await submit(first.api, 'One');
  await ended(first.api, id);
  const second = await start();
  const refused = await second.api.call<ErrorBody>('POST', '/jobs', job('Two', 4));
  expect([refused.status, refused.body.error.code]).toEqual([503, 'jobs_unavailable']);
  expect(refused.body.error.message).toContain('another process has the queue');
  expect(refused.headers.get('retry-after')).toBe('5');
  expect((await second.daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 })).status).toBe(200);
  first.daemon.signal('SIGKILL');
  await first.daemon.ended();
  await until(
    async () => (await second.api.call('GET', `/jobs/${id}`)).status,
    (status) => status === 200,
  );
  expect(await ended(second.api, await submit(second.api, 'Two'))).toMatchObject({ state: 'succeeded' });
});

test('a daemon that keeps jobs in memory runs them and has none when it comes again; one that takes none says so', async () => {
  const first = await start({ SEMANTIC_JOBS_PERSIST: 'ram' });
  expect(await ended(first.api, await submit(first.api, 'One'))).toMatchObject({ state: 'succeeded' });
  first.daemon.signal('SIGTERM');
  await first.daemon.ended();
  const second = await start();
  expect((await second.api.call<JobListBody>('GET', '/jobs')).body.data).toEqual([]);
  second.daemon.signal('SIGTERM');
  await second.daemon.ended();
  const third = await start({ SEMANTIC_JOBS_ENABLED: 'false' });
  const refused = await third.api.call<ErrorBody>('GET', '/jobs');
  expect([refused.status, refused.body.error.message]).toEqual([503, expect.stringContaining('jobs.enabled is false')]);
});
