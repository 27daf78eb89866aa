/** Both vendors' SDKs, Vercel's, and OpenAI's agents, each scenario in a process of its own. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { answersOf, expectHits, turnsOf } from './support/answers.js';
import { noteCell } from './support/cells.js';
import { ClientHome } from './support/client-home.js';
import { runClient } from './support/run-client.js';

const RUN = fileURLToPath(new URL('scenarios/run.js', import.meta.url));
const QUESTIONS = ['What is the capital of France?', 'And of Italy?', 'And of Spain?'];

let daemon: TestDaemon;
let home: ClientHome;
beforeAll(async () => {
  home = new ClientHome();
  daemon = await startDaemon();
});
afterAll(async () => {
  await daemon.stop();
  home.remove();
});

async function run<T>(scenario: string, cell: string, ...prompts: readonly string[]): Promise<T> {
  const { address, model } = daemon.summary;
  const args = [RUN, scenario, cell, address, model.id, ...prompts];
  const { code, out, err } = await runClient({ program: process.execPath, args, env: {} }, home);
  expect([code, err]).toEqual([0, expect.any(String)]);
  return JSON.parse(out) as T;
}

describe.each(['anthropic-sdk', 'openai-chat', 'openai-responses', 'vercel-anthropic', 'vercel-openai', 'openai-agents'])(
  '%s',
  (scenario) => {
    test('gets an answer as one body', async () => {
      const text = await run<string>(scenario, 'text', QUESTIONS[0]!);
      expect(text).toMatch(/Paris/);
      noteCell(scenario, 'text', 'yes');
    });

    test('streams three turns, and each finds the prompt before it', async () => {
      const before = answersOf(daemon).length;
      const texts = await run<string[]>(scenario, 'stream', ...QUESTIONS);
      expect(texts).toHaveLength(3);
      for (const text of texts) expect(text).not.toBe('');
      const turns = turnsOf(answersOf(daemon).slice(before), 3);
      noteCell(scenario, 'hit', expectHits(turns));
      noteCell(scenario, 'stream', 'yes');
    });

    test('is given a call by tool_choice, runs it, and has its result answered', async () => {
      const { called, result, answer } = await run<{ called: string; result: string; answer: string }>(
        scenario,
        'tool',
        'What is the weather in Bern?',
      );
      expect(called).toBe('weather');
      expect(result).toMatch(/^18 degrees and sunny in /);
      expect(answer).not.toBe('');
      noteCell(scenario, 'tool', '`tool_choice`, run by the client, answered');
    });

    test('leaves a stream, and its sequence ends', async () => {
      await run(scenario, 'abort');
      const { engine } = await until(daemon.status, (status) => status.engine.running + status.engine.waiting === 0);
      expect(engine.running).toBe(0);
      noteCell(scenario, 'abort', 'sequence freed');
    });

    test('is told what is wrong with a prompt that is too long', async () => {
      const error = await run<{ name: string; message: string; status: number | null }>(scenario, 'error');
      expect(error.message).toMatch(/prompt is too long: \d+ tokens > 8192 maximum/);
      expect(error.status).toBe(400);
      noteCell(scenario, 'error', `\`${error.name}\`, ${error.status}`);
    });
  },
);
