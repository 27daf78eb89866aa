/** Jobs under kill -9 of real workers and of the daemon itself: each has one final result, and it is the right one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobBody, JobDetailBody, JobListBody } from '../../../src/client/jobs/job-bodies.js';
import { AgentApi } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { RUN, semantic } from '../../support/run-semantic.js';
import { starterModelFile } from '../../support/starter-model.js';
import { tinyModelFolder } from '../../support/tiny-model-folder.js';

const JOBS = 300;
const WORKERS = 3;

let home: string;
let daemon: TestDaemon;
let api: AgentApi;
const workers = new Set<ChildProcess>();
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'semantic-'))));
afterEach(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await daemon.stop();
  rmSync(home, { recursive: true, force: true });
});

const tiny = (): string => tinyModelFolder('llama-4bit-g32', join(home, 'tiny'));

/** `leaseSeconds`: short where a worker is killed and its job is waited for. */
async function start(model: string, leaseSeconds = 1): Promise<void> {
  daemon = await startDaemon(['--model', model, '--threads', '1', '--socket', join(home, 'd.sock')], {
    SEMANTIC_HOME: home,
    SEMANTIC_STORE_ENABLED: 'false',
    SEMANTIC_JOBS_WORKERS: '0',
    SEMANTIC_JOBS_LEASE_SECONDS: `${leaseSeconds}`,
    SEMANTIC_JOBS_BACKOFF_SECONDS: '0.05',
    SEMANTIC_JOBS_MAX_ATTEMPTS: '50',
    SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '1',
  });
  api = new AgentApi(daemon);
}

function startWorker(): ChildProcess {
  const args = [RUN, 'worker', '--socket', join(home, 'd.sock'), '--concurrency', '2'];
  const worker = spawn(process.execPath, args, { env: { ...process.env, SEMANTIC_HOME: home }, stdio: 'ignore', cwd: home });
  workers.add(worker);
  worker.once('close', () => workers.delete(worker));
  return worker;
}

const body = (i: number, maxTokens = 4): object => ({
  model: 'gpt-5',
  messages: [{ role: 'user', content: `Say ${i}.` }],
  max_tokens: maxTokens,
  ignore_eos: true,
  temperature: 0,
});
const submit = async (i: number, maxTokens?: number): Promise<string> => {
  const { status, body: job } = await api.call<JobBody>('POST', '/jobs', {
    endpoint: '/v1/chat/completions',
    body: body(i, maxTokens),
    idempotency_key: `k${i}`,
  });
  if (status !== 201) throw new Error(JSON.stringify(job));
  return job.id;
};
const show = async (id: string): Promise<JobDetailBody> => (await api.call<JobDetailBody>('GET', `/jobs/${id}`)).body;
const tally = async (): Promise<JobListBody['tally']> => (await api.call<JobListBody>('GET', '/jobs?limit=1')).body.tally;
const textOf = (answer: unknown): string => (answer as { choices: { message: { content: string } }[] }).choices[0]!.message.content;

test('a few hundred jobs, workers killed all the while and the daemon twice: each succeeds once, with the right answer', async () => {
  const model = tiny();
  await start(model);
  const ids: string[] = [];
  for (let i = 0; i < JOBS; i++) ids.push(await submit(i));
  for (let i = 0; i < WORKERS; i++) startWorker();
  let kills = 0;
  let daemons = 0;
  for (let open = JOBS; open > 0;) {
    await sleep(150);
    const { queued, running } = await tally();
    open = queued + running;
    const busy = open > 0 && open < JOBS;
    if (busy && daemons < 2 && open < JOBS * (0.7 - 0.3 * daemons)) {
      daemons += 1;
      daemon.signal('SIGKILL');
      await daemon.ended();
      await start(model);
    } else if (busy && kills < 12) {
      const victim = [...workers][kills % WORKERS];
      if (victim !== undefined) {
        kills += 1;
        victim.kill('SIGKILL');
        startWorker();
      }
    }
  }
  expect([daemons, kills > 3]).toEqual([2, true]);
  expect(await tally()).toMatchObject({ succeeded: JOBS });
  const { data } = (await api.call<JobListBody>('GET', '/jobs?limit=1000')).body;
  expect(data.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(data.some(({ attempts }) => attempts > 1)).toBe(true);
  for (const i of [0, 7, 150, JOBS - 1]) {
    const direct: unknown = await (await daemon.chat(body(i))).json();
    expect(textOf((await show(ids[i]!)).result!.body)).toBe(textOf(direct));
  }
  for (const id of ids.filter((_, i) => i % 10 === 0)) {
    const text = await (await api.fetch('GET', `/jobs/${id}/events`)).text();
    expect(text.match(/^event: succeeded$/gm)).toHaveLength(1);
  }
});

test('a worker that is killed in the middle of a job loses it to another one', async () => {
  await start(starterModelFile());
  const first = startWorker();
  const id = await submit(1, 6_000);
  await until(
    () => show(id),
    ({ state }) => state === 'running',
  );
  const { worker } = await show(id);
  first.kill('SIGKILL');
  await once(first, 'close');
  startWorker();
  const taken = await until(
    () => show(id),
    (job) => job.state === 'succeeded' || (job.state === 'running' && job.worker !== worker),
  );
  expect(taken.attempts).toBe(2);
  await api.call('POST', `/jobs/${id}/cancel`);
});

test('a worker that is told to stop ends its job first, and gives it back when it is told again', async () => {
  await start(starterModelFile(), 30);
  const worker = startWorker();
  const short = await submit(1);
  await until(
    () => show(short),
    ({ state }) => state === 'succeeded',
  );
  const long = await submit(2, 6_000);
  await until(
    () => show(long),
    ({ state }) => state === 'running',
  );
  worker.kill('SIGTERM');
  await sleep(200);
  expect(worker.exitCode).toBeNull();
  worker.kill('SIGTERM');
  expect(await once(worker, 'close')).toEqual([143, null]);
  expect(await show(long)).toMatchObject({ state: 'queued', attempts: 0 });
});

test('three workers end when nothing is left, and say what they did', async () => {
  await start(tiny());
  for (let i = 0; i < 30; i++) await submit(i);
  await submit(99, 4);
  const options = { home, env: { SEMANTIC_HOME: home } };
  const args = ['worker', '--until-empty', '--json', '--socket', join(home, 'd.sock')];
  const ended = await Promise.all(Array.from({ length: 3 }, () => semantic(args, options)));
  expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  const reports = ended.map(({ stdout }) => JSON.parse(stdout) as { succeeded: number; failed: number; left: number });
  expect(reports.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(31);
  expect(await tally()).toMatchObject({ succeeded: 31, queued: 0, running: 0 });
});
