import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawScreen, pageRows, type Screen } from '../../../src/commands/top/screen.js';
import { FIRST_VIEW } from '../../../src/commands/top/view.js';
import { agent, NOW, sequence, snapshotOf } from './snapshot-of.js';

const busy = snapshotOf(
  [sequence(1, { agent: 'research' }), sequence(2, { state: 'waiting', tokens_per_second: 0, ttft_ms: null })],
  [agent('research'), agent('an-agent-with-quite-a-long-name-that-goes-on-and-on-for-long')],
);
const screen: Screen = { snapshot: busy, view: FIRST_VIEW, agent: null, problem: null, patience: 10 };
const at = (columns: number, rows: number, fields: Partial<Screen> = {}, now = NOW) =>
  drawScreen({ ...screen, ...fields }, { columns, rows }, now).map(({ text }) => text);

describe('drawScreen()', () => {
  test('at 80 x 24 it has all figures, the table, and what keys do', () => {
    const lines = at(80, 24);
    expect(lines.slice(0, 6).map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(/^semantic top: smollm2-135m-instruct {3}\d\d:\d\d:\d\d {3}up 3 min {3}pid 42$/),
      'queue   2 running   0 waiting   0 preempted   batch 2 of 16   window 10 ms',
      'speed   142 tok/s written   0 tok/s read   step 21 ms (p95 24 ms)',
      'latency first token 120 ms (p95 1.3 s)   between tokens 22 ms (p95 25 ms)',
      'pool    [#####---------------] 25 %   100 MB of 400 MB   process 423 MB',
      'totals  5 answers   800 tokens   0 failed   2 refused   1 cancelled   2 agents',
    ]);
    expect(lines[6]).toMatch(/^ {2}AGENT .*STATE .*TOK\/Sv .*KV .*OUTPUT .*AGE/);
    expect(lines[7]).toMatch(/^> research +decode +40\.\d +120 .*20\/256 .*2 s/);
    expect(lines.at(-1)).toMatch(/^q leave {3}enter open/);
  });

  test('whatever the terminal, it fills all lines but one and none is wider than it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 2, max: 60 }),
        fc.boolean(),
        fc.constantFrom(null, 'agent research', 'request gone'),
        fc.constantFrom(null, 'no daemon answers'),
        fc.constantFrom(null, '[kv_pool] block 91'),
        (columns, rows, empty, opened, problem, fault) => {
          const snapshot = empty ? snapshotOf([], [], fault) : { ...busy, daemon: { ...busy.daemon, fault } };
          const lines = at(columns, rows, { snapshot, problem, view: { ...FIRST_VIEW, opened } });
          expect(lines).toHaveLength(rows - 1);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  test('in a narrow terminal names, state and speed stay; the least important columns go', () => {
    const [head, first] = at(36, 24).slice(6);
    expect(head).toMatch(/AGENT +STATE +TOK\/Sv/);
    expect(head).not.toMatch(/CLASS|PROMPT/);
    expect(first).toMatch(/^> rese/);
  });

  test('in a low terminal figures make room for the table', () => {
    const lines = at(80, 8);
    expect(lines.filter((line) => /research|#2/.test(line))).toHaveLength(2);
    expect(lines[0]).toMatch(/^semantic top/);
  });

  test('the chosen row is on the screen, however many there are', () => {
    const agents = Array.from({ length: 100 }, (_, i) => agent(`agent-${i}`));
    const snapshot = snapshotOf([], agents);
    for (const chosen of [0, 3, 50, 99]) {
      const lines = at(80, 24, { snapshot, view: { ...FIRST_VIEW, chosen: `agent agent-${chosen}` } });
      expect(lines.filter((line) => line.startsWith('> '))).toEqual([expect.stringMatching(new RegExp(`^> agent-${chosen} `))]);
      expect(lines.filter((line) => /agent-\d/.test(line))).toHaveLength(pageRows(snapshot, { columns: 80, rows: 24 }));
    }
  });

  test('an open agent has its details and its request', () => {
    const detail = { ...agent('research'), messages: [], tools: [], restore_points: [] };
    const lines = at(80, 40, { view: { ...FIRST_VIEW, opened: 'agent research' }, agent: detail });
    expect(lines).toContain('  has written   200 tokens');
    expect(lines).toContain('  answer        20 of at most 256 tokens, 40.3 tok/s');
    expect(lines.at(-1)).toMatch(/esc back/);
  });

  test('scrolling goes to the end of what is open and no further', () => {
    const detail = { ...agent('research'), messages: [], tools: [], restore_points: [] };
    const view = { ...FIRST_VIEW, opened: 'agent research', scroll: 1000 };
    expect(at(80, 12, { view, agent: detail }).join('\n')).toContain('first token   after 210 ms');
  });

  test('a request that is over while it is open says so', () => {
    expect(at(80, 24, { view: { ...FIRST_VIEW, opened: '#9' } })).toContain('It is over.');
  });

  test('what a conversation says cannot command the terminal', () => {
    const miss = { cause: 'edited_turn', token: 3, before: '\u009b31m\u202e', was: 'a', now: 'b' } as const;
    const cache = { prompt_tokens: 9, cached_tokens: 3, created_tokens: 0, source: 'memory', miss } as const;
    const detail = { ...agent('research', { cache }), messages: [], tools: [], restore_points: [] };
    const text = at(80, 40, { view: { ...FIRST_VIEW, opened: 'agent research' }, agent: detail }).join('\n');
    expect(text).toContain('?31m?');
    expect(text).not.toMatch(/[\u009b\u202e]/);
  });

  test('a daemon that is away, silent, or admits nothing is said so', () => {
    expect(at(80, 24, { problem: 'no daemon answers' }, NOW + 7).at(-1)).toBe(
      'no daemon answers; asking again (these figures are 7 s old)',
    );
    expect(at(80, 24, {}, NOW + 60).at(-1)).toBe('The daemon does not answer (these figures are 1 min old)');
    expect(at(80, 24, { snapshot: snapshotOf([], [], '[kv_pool] block 91') })[1]).toBe('Nothing is admitted: [kv_pool] block 91');
  });
});
