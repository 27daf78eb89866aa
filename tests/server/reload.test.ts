/** Settings that are read again by a daemon that runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, semantic } from '../support/run-semantic.js';

const home = createHome();
let daemon: TestDaemon;
const say = (text: string): void => writeFileSync(join(home.path, 'config.toml'), text);
const reload = async (): Promise<unknown> => {
  const { stdout } = await semantic(['config', 'reload', '--json'], { home: home.path });
  return JSON.parse(stdout) as unknown;
};
const limits = async (): Promise<Record<string, unknown>> => {
  const reply = await fetch(`${daemon.summary.address}/v1/admin/scheduler`);
  return ((await reply.json()) as { limits: Record<string, unknown> }).limits;
};

beforeAll(async () => {
  say('[scheduler]\nbatch_window_ms = 5\n');
  daemon = await startDaemon([], { SEMANTIC_HOME: home.path, SEMANTIC_LOG_LEVEL: 'warn' });
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  home.remove();
});

test('what may change does, what may not is named, what the API changed stays, and what flags or variables say counts more', async () => {
  expect(await limits()).toMatchObject({ batch_window_ms: 5, max_queue: 64 });
  await fetch(`${daemon.summary.address}/v1/admin/scheduler`, { method: 'PATCH', body: JSON.stringify({ max_queue: 9 }) });
  say('[scheduler]\nbatch_window_ms = 7\nageing_seconds = 3\n[log]\nlevel = "debug"\n[server]\nport = 1\nmax_connections = 5\n');
  expect(await reload()).toEqual({
    applied: ['scheduler.batch_window_ms', 'scheduler.ageing_seconds'],
    needs_restart: ['server.max_connections'], // the port is a flag's, the level a variable's
  });
  expect(await limits()).toMatchObject({ batch_window_ms: 7, ageing_ms: 3000, max_queue: 9 });
});

test('a file that is not valid changes nothing, and is told', async () => {
  say('[scheduler]\nbatch_window_ms = 8\nageing_secs = 3\n');
  const refused = await semantic(['config', 'reload'], { home: home.path });
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('unknown key scheduler.ageing_secs')]);
  expect(await limits()).toMatchObject({ batch_window_ms: 7 });
});

test('SIGHUP does the same', async () => {
  say('[scheduler]\nbatch_window_ms = 9\n');
  process.kill(daemon.summary.pid, 'SIGHUP');
  expect(await until(limits, ({ batch_window_ms: ms }) => ms === 9)).toMatchObject({ batch_window_ms: 9, ageing_ms: 10_000 });
  say('nonsense');
  process.kill(daemon.summary.pid, 'SIGHUP');
  await until(
    () => daemon.stderr(),
    (text) => text.includes('SIGHUP: nothing changed'),
  );
  expect(await limits()).toMatchObject({ batch_window_ms: 9 });
});
