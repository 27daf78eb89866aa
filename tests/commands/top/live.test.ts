/** The live view on a terminal of ours: what ink writes there, and what keys do. */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { Chalk } from 'chalk';
import { expect, test, vi } from 'vitest';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { showLive } from '../../../src/commands/top/live.js';
import type { Source } from '../../../src/commands/top/snapshot.js';
import { until } from '../../support/daemon.js';
import { screenAfter } from '../../support/screen.js';
import { hasColours, SCREEN_LEFT } from '../../support/terminal.js';
import { agent, sequence, snapshotOf } from './snapshot-of.js';

const snapshot = snapshotOf([sequence(1, { agent: 'research' })], [agent('research'), agent('writer')]);
const current = () => ({ ...snapshot, time: Date.now() / 1000 });

// ink draws nothing under it, and looks when it is loaded.
vi.hoisted(() => {
  delete process.env['CI'];
  delete process.env['CONTINUOUS_INTEGRATION'];
});

/** Streams as a terminal has them; `raw` is the mode it was put in last. */
function terminal() {
  let [written, raw] = ['', false];
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => void (raw = mode),
    ref: () => undefined,
    unref: () => undefined,
  });
  stdout.setEncoding('utf8').on('data', (text: string) => (written += text));
  return {
    streams: { stdin: stdin as unknown as NodeJS.ReadStream, stdout: stdout as unknown as NodeJS.WriteStream },
    type: (keys: string) => void stdin.write(keys),
    resize(columns: number, rows: number) {
      Object.assign(stdout, { columns, rows });
      stdout.emit('resize');
    },
    written: () => written,
    forget: () => (written = ''),
    shows: (what: string | RegExp) =>
      until(
        () => stripVTControlCharacters(written),
        (text) => (typeof what === 'string' ? text.includes(what) : what.test(text)),
      ),
    raw: () => raw,
    screen: () => screenAfter(written, { columns: 80, rows: 24 }),
  };
}

const DETAIL = { ...agent('research'), messages: [], tools: [], restore_points: [] };
const SOURCE: Source = { snapshot: async () => current(), agent: async () => DETAIL };

function show(source: Partial<Source>, level: 0 | 1 = 0) {
  const screen = terminal();
  const ended = showLive({
    ...screen.streams,
    source: { ...SOURCE, ...source },
    snapshot: current(),
    intervalMs: 20,
    chalk: new Chalk({ level }),
  });
  return { ...screen, ended };
}

test('it takes another screen, shows the table, and gives all back when q is pressed', async () => {
  const view = show({});
  await view.shows(/> research +decode/);
  expect(view.raw()).toBe(true);
  expect(view.written()).toContain('\u001B[?1049h');
  view.type('q');
  expect(await view.ended).toBe(0);
  expect(view.raw()).toBe(false);
  expect(view.written().endsWith(SCREEN_LEFT)).toBe(true);
});

test('after any number of drawings the screen is the last one, line by line', async () => {
  const view = show({ agent: async (id) => ({ ...DETAIL, id }) });
  for (const [keys, sign] of [
    ['n', 'AGENTv'],
    ['\u001B[B', '> writer'],
    ['k', 'KVv'],
    ['\r', 'has written'],
    ['\u001B', 'KVv'],
  ] as const) {
    view.type(keys);
    await view.shows(sign);
    await until(
      () => view.screen(),
      ([first, ...rest]) => first!.startsWith('semantic top:') && rest.some((line) => line.includes(sign)),
    );
  }
  const lines = view.screen();
  expect(lines.slice(1, 6).map((line) => line.split(' ')[0])).toEqual(['queue', 'speed', 'latency', 'pool', 'totals']);
  expect(lines.slice(6, 9).map((line) => line.slice(0, 10).trim())).toEqual(['AGENT', '> writer', 'research']);
  expect(lines[22]).toMatch(/^q leave/);
  view.type('q');
  await view.ended;
});

test('Ctrl-C leaves', async () => {
  const view = show({});
  view.type('\u0003');
  expect(await view.ended).toBe(0);
  expect([view.raw(), view.written().endsWith(SCREEN_LEFT)]).toEqual([false, true]);
});

test('keys that were typed at once are all taken', async () => {
  const view = show({});
  view.type('nn');
  await view.shows('AGENT^');
  view.type('kq');
  expect(await view.ended).toBe(0);
});

test('enter opens the agent that arrows chose, escape closes it', async () => {
  const asked: string[] = [];
  const view = show({
    agent: async (id) => {
      asked.push(id);
      return { ...DETAIL, id };
    },
  });
  view.type('\u001B[B');
  await view.shows('> writer');
  view.type('\r');
  await view.shows('has written   200 tokens');
  expect(new Set(asked)).toEqual(new Set(['writer']));
  view.forget();
  view.type('\u001B');
  await view.shows('> writer');
  view.type('q');
  await view.ended;
});

test('a daemon that goes away is said so and asked again; when it is back the figures go on', async () => {
  let isThere = false;
  const view = show({
    snapshot: async () => {
      if (!isThere) throw new SemanticError('DaemonUnreachable', '[client] no daemon answers on /run/x.sock');
      return current();
    },
  });
  await view.shows('no daemon answers on /run/x.sock; asking again');
  isThere = true;
  view.forget();
  await view.shows('q leave');
  view.type('q');
  expect(await view.ended).toBe(0);
});

test('an agent that is removed while it is open stays as it was last seen', async () => {
  let isThere = true;
  const view = show({
    agent: async (id) => {
      if (!isThere) throw new SemanticError('AgentNotFound', `[agents] there is no agent ${id}`);
      return DETAIL;
    },
  });
  view.type('\r');
  await view.shows('has written   200 tokens');
  isThere = false;
  view.forget();
  await view.shows(/up \d+ s|\d\d:\d\d:\d\d/);
  expect(view.written()).not.toContain('no agent');
  view.type('q');
  expect(await view.ended).toBe(0);
});

test('an error that is none of the daemon ends it, with the terminal given back', async () => {
  const view = show({ snapshot: async () => Promise.reject(new TypeError('not what was wanted')) });
  await expect(view.ended).rejects.toThrow('not what was wanted');
  expect([view.raw(), view.written().endsWith(SCREEN_LEFT)]).toEqual([false, true]);
});

test('a terminal that grows narrower is drawn anew, in its width', async () => {
  const view = show({});
  await view.shows('q leave');
  view.forget();
  view.resize(40, 12);
  await view.shows('q leave');
  for (const line of stripVTControlCharacters(view.written()).split(/\r?\n/)) expect(line.length).toBeLessThanOrEqual(40);
  view.type('q');
  await view.ended;
});

test('colours are used where there are some, and only there', async () => {
  for (const [level, coloured] of [
    [0, false],
    [1, true],
  ] as const) {
    const view = show({}, level);
    await view.shows('q leave');
    view.type('q');
    await view.ended;
    expect(hasColours(view.written())).toBe(coloured);
  }
});
