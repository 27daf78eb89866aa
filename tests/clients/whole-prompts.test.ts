/** Clients as they are, with all their own instructions and tools: more than the tiny model was trained to read, so it is stretched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';
import { answersOf, expectHits, turnsOf } from './support/answers.js';
import { noteCell } from './support/cells.js';
import { ClientHome } from './support/client-home.js';
import { CLIS } from './support/clis.js';
import { runClient } from './support/run-client.js';

let daemon: TestDaemon;
beforeAll(async () => {
  const env = { SEMANTIC_MODEL_BEYOND_TRAINING: 'true', SEMANTIC_SAMPLING_TEMPERATURE: '0' };
  daemon = await startDaemon(['--context', '16384'], env);
});
afterAll(() => daemon.stop());

/** Each takes minutes on two cores, most of them for the first prompt: continuous integration takes Claude Code alone. */
const WHOLE = process.env['CI'] === undefined ? ['claude-code', 'codex', 'opencode'] : ['claude-code'];

test.each(CLIS.filter(({ name }) => WHOLE.includes(name)))(
  '$name streams three turns of its whole prompt, each of which finds the one before',
  async (cli) => {
    const home = new ClientHome();
    const served = { address: daemon.summary.address, model: daemon.summary.model.id };
    const before = answersOf(daemon).length;
    cli.prepare(home, served);
    try {
      for (const [i, prompt] of ['What is the capital of France?', 'And of Italy?', 'And of Spain?'].entries()) {
        const { code, out, err } = await runClient(cli.command({ prompt, isNext: i > 0, tool: null, isWhole: true }, home, served), home);
        expect([code, out.trim() === '' ? err : 'an answer']).toEqual([0, 'an answer']);
      }
      const turns = turnsOf(answersOf(daemon).slice(before), 3);
      const found = expectHits(turns);
      noteCell(cli.name, 'whole', `${turns[0]!.promptTokens.toLocaleString('en')} tokens: ${found}`);
    } finally {
      home.remove();
    }
  },
);
