import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatAnswer } from '../../src/commands/chat.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, RUN, semantic } from '../support/run-semantic.js';
import { runOnTerminal } from '../support/terminal.js';

let daemon: TestDaemon;
const alone = createHome();
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(async () => {
  await daemon.stop();
  alone.remove();
});

const greedy = ['--temperature', '0', '--max-tokens', '8'];
const prompt = 'What is the capital of France?';
const answerOf = (stdout: string) => JSON.parse(stdout) as ChatAnswer;

describe('one prompt', () => {
  test('through the daemon and in process the same answer comes, on stdout alone', async () => {
    const [there, here] = [
      await semantic(['chat', prompt, ...greedy], { home: daemon.home }),
      await semantic(['chat', prompt, ...greedy], { home: alone.path }),
    ];
    expect([there.exitCode, here.exitCode, there.stderr, here.stderr]).toEqual([0, 0, '', '']);
    expect(there.stdout).toMatch(/Paris/);
    expect(here.stdout).toBe(there.stdout);
  });

  test('--json says text, reason, usage, model and way', async () => {
    const { stdout } = await semantic(['chat', prompt, ...greedy, '--json'], { home: daemon.home });
    const answer = answerOf(stdout);
    expect(answer).toMatchObject({ model: 'smollm2-135m-instruct', via: 'daemon', finishReason: expect.stringMatching(/stop|length/) });
    expect(answer.usage.promptTokens).toBeGreaterThan(10);
    const own = await semantic(['chat', prompt, ...greedy, '--json', '--in-process'], { home: daemon.home });
    expect(answerOf(own.stdout)).toMatchObject({ via: 'process', text: answer.text });
  });

  test('a pipe is the prompt, or follows it', async () => {
    const piped = await semantic(['chat', ...greedy], { home: daemon.home, input: `${prompt}\n` });
    expect(piped.stdout).toMatch(/Paris/);
    const [both, joined] = [
      await semantic(['chat', 'Repeat this word:', ...greedy, '--json'], { home: daemon.home, input: 'orchid' }),
      await semantic(['chat', 'Repeat this word:\n\norchid', ...greedy, '--json'], { home: daemon.home }),
    ];
    expect(answerOf(both.stdout).text).toBe(answerOf(joined.stdout).text);
    expect(answerOf(both.stdout).usage.promptTokens).toBe(answerOf(joined.stdout).usage.promptTokens);
  });

  test('--seed, --system and --stop reach the engine', async () => {
    const seeded = (seed: string) =>
      semantic(['chat', 'Tell me a story.', '--seed', seed, '--temperature', '1', '--max-tokens', '16'], { home: daemon.home });
    expect((await seeded('5')).stdout).toBe((await seeded('5')).stdout);
    const plain = await semantic(['chat', prompt, ...greedy, '--json'], { home: daemon.home });
    const system = await semantic(['chat', prompt, ...greedy, '--json', '--system', 'You are a pirate who says arr a lot.'], {
      home: daemon.home,
    });
    expect(answerOf(system.stdout).usage.promptTokens).not.toBe(answerOf(plain.stdout).usage.promptTokens);
    const stopped = await semantic(['chat', prompt, ...greedy, '--json', '--stop', 'Paris'], { home: daemon.home });
    expect(answerOf(stopped.stdout).text).not.toContain('Paris');
  });
});

describe('a conversation on a terminal', () => {
  test('Ctrl-C during the answer to one prompt ends the command with 130, and the generation with it', async () => {
    const terminal = runOnTerminal([process.execPath, RUN, 'chat', 'Write a very long story about the sea.', '--temperature', '0'], {
      SEMANTIC_HOME: daemon.home,
    });
    await terminal.shows(/\w+ \w+ \w+/);
    terminal.type('\u0003');
    expect(await terminal.ended()).toBe(130);
    await until(daemon.status, ({ engine }) => engine.running === 0);
  });

  test('Ctrl-C stops the answer and not the program, lines are remembered, /exit leaves', async () => {
    const terminal = runOnTerminal([process.execPath, RUN, 'chat', '--temperature', '0'], { SEMANTIC_HOME: daemon.home });
    await terminal.shows('> ');
    terminal.type('Write a very long story about the sea.\r');
    await terminal.shows(/sea[\s\S]*\w+ \w+ \w+/);
    const running = (await daemon.status()).engine.running;
    terminal.type('\u0003');
    await terminal.shows('(stopped)');
    terminal.type('/exit\r');
    expect(await terminal.ended()).toBe(0);
    expect(running).toBe(1);
    expect((await daemon.status()).engine.running).toBe(0);
    expect(readFileSync(join(daemon.home, 'chat-history'), 'utf8')).toContain('Write a very long story about the sea.');
  });
});
