import { secondTurn } from '../second-turn.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

export const turns = verb({
  summary: 'the second turn of a conversation of --tokens tokens: cold, from memory, from disk',
  flags: { ...ENGINE, tokens: '4096', rounds: '3' },
  async run(flags) {
    const [tokens, rounds] = [Number(flags.tokens), Number(flags.rounds)];
    const t = await secondTurn({ binary: BINARY, model: flags.model, flags: daemonFlags(flags), tokens, rounds });
    if (!t.sameText) throw new Error('the second turn was not the same text everywhere');
    const row = (name: string, ttft: number, cached: number): string[] => [name, figure(ttft), figure(t.cold / ttft), `${cached}`];
    const read = `${figure(t.storedBytes / 1e6)} MB on disk, read plainly in ${figure(t.rawMillis)} ms`;
    return [
      table(
        [`second turn, ${t.promptTokens} prompt tokens (${read})`, 'TTFT, ms', 'cold / this', 'cached tokens'],
        [
          row('cold', t.cold, 0),
          row('in memory', t.memory, t.cachedTokens.memory),
          row('from disk, after a restart, page cache dropped', t.disk, t.cachedTokens.disk),
          row('from disk, after kill -9, page cache dropped', t.crashed, t.cachedTokens.crashed),
        ],
      ),
    ];
  },
});
