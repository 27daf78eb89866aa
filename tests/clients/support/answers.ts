/** What the daemon says in its log of the answers it gave. */
import { expect } from 'vitest';
import type { TestDaemon } from '../../support/daemon.js';

export interface AnswerLine {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly reason: string;
}

export function answersOf(daemon: TestDaemon): readonly AnswerLine[] {
  const lines = daemon
    .stderr()
    .split('\n')
    .filter((line) => line.includes('"msg":"answered"'));
  return lines.map((line) => JSON.parse(line) as AnswerLine);
}

/** The turns of the conversation: what is asked beside it (titles, summaries) has shorter prompts. */
export function turnsOf(answers: readonly AnswerLine[], number: number): readonly AnswerLine[] {
  const main = answers.filter(({ promptTokens }) => promptTokens >= answers[0]!.promptTokens || answers.length === number);
  return [...main].sort((a, b) => a.promptTokens - b.promptTokens).slice(-number);
}

/** Each turn found at least 95 % of the prompt before it. Returns the shares, in percent. */
export function expectHits(turns: readonly AnswerLine[]): string {
  const shares = turns
    .slice(1)
    .map(({ cachedTokens }, i) => (100 * Math.min(cachedTokens, turns[i]!.promptTokens)) / turns[i]!.promptTokens);
  for (const share of shares) expect(share).toBeGreaterThanOrEqual(95);
  return shares.map((share) => `${share.toFixed(1)} %`).join(', ');
}
