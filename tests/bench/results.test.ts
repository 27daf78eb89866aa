import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHtml } from '../../src/bench/report/html.js';
import { toMarkdown } from '../../src/bench/report/markdown.js';
import { readBenchmark } from '../../src/bench/results/read-benchmark.js';
import { ResultStore } from '../../src/bench/results/result-store.js';
import { benchmarkSchema } from '../../src/bench/results/schema.js';
import { rejection } from '../rejection.js';
import { benchmark, series } from './made-up.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'semantic-results-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const made = (id: string, at: string) => benchmark([series({ samples: [1, 2, null] })], { id, createdAt: at });

describe('the store of results', () => {
  test('has what was saved, the newest first, through a restart, for its owner alone', () => {
    const path = join(folder, 'a', 'benchmarks.db');
    const store = ResultStore.open(path);
    store.save(made('20260101-000000-aaaa', '2026-01-01T00:00:00.000Z'));
    store.save(made('20260102-000000-bbbb', '2026-01-02T00:00:00.000Z'));
    store.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = ResultStore.open(path);
    expect(again.list(10).map(({ id }) => id)).toEqual(['20260102-000000-bbbb', '20260101-000000-aaaa']);
    expect(again.list(1)).toHaveLength(1);
    expect(again.get('latest').id).toBe('20260102-000000-bbbb');
    expect(again.get('aaaa').id).toBe('20260101-000000-aaaa');
    expect(again.get('20260101').series).toEqual(made('x', '').series);
    again.close();
  });

  test('says what it does not have, and what is meant by more than one', () => {
    const store = ResultStore.open(join(folder, 'b.db'));
    expect(() => store.get('latest')).toThrow(/no benchmark "latest"/);
    store.save(made('20260101-000000-aaaa', '2026-01-01T00:00:00.000Z'));
    store.save(made('20260101-000001-bbbb', '2026-01-02T00:00:00.000Z'));
    expect(() => store.get('20260101')).toThrow(/2 benchmarks/);
    for (const id of ['cccc', "'; DROP TABLE benchmark; --", '%', '', '../x']) expect(() => store.get(id)).toThrow(/no benchmark/);
    store.close();
  });

  test('a row that cannot be read is left out, the others stay', () => {
    const path = join(folder, 'c.db');
    const store = ResultStore.open(path);
    store.save(made('20260101-000000-aaaa', '2026-01-01T00:00:00.000Z'));
    store.close();
    const database = new Database(path);
    database.prepare('INSERT INTO benchmark VALUES (?, ?, ?)').run(['broken', '2027', '{"object":']);
    database.close();
    const again = ResultStore.open(path);
    expect(again.list(10)).toHaveLength(1);
    expect(() => again.get('broken')).toThrow(/no benchmark/);
    again.close();
  });

  test('a file that is no database, and a place that is none, are a ConfigInvalid that names it', async () => {
    const path = join(folder, 'd.db');
    writeFileSync(path, 'x'.repeat(5_000));
    for (const place of [path, '/dev/null/benchmarks.db']) {
      const error = await rejection(Promise.resolve().then(() => ResultStore.open(place)));
      expect(error).toMatchObject({ code: 'ConfigInvalid', message: expect.stringContaining(place) as string });
    }
  });
});

describe('readBenchmark()', () => {
  test('reads a file, and says what is wrong with one', () => {
    const path = join(folder, 'result.json');
    const one = made('20260101-000000-aaaa', '2026-01-01T00:00:00.000Z');
    writeFileSync(path, JSON.stringify(one));
    expect(readBenchmark(path)).toEqual(one);
    writeFileSync(path, JSON.stringify({ ...one, schemaVersion: 2 }));
    expect(() => readBenchmark(path)).toThrow(/no benchmark of version 1: schemaVersion/);
    writeFileSync(path, 'nothing like it');
    expect(() => readBenchmark(path)).toThrow(/no benchmark of version 1/);
    expect(() => readBenchmark(join(folder, 'missing.json'))).toThrow(/there is no file/);
  });
});

describe('a benchmark', () => {
  const one = benchmark(
    [
      series({ x: 128, case: 'behind 128 tokens', samples: [100, 101, 99] }),
      series({ x: 1024, case: 'behind 1024 tokens', samples: [90, 91, 89] }),
      series({ x: 128, case: 'behind 128 tokens', target: 'llama.cpp <&>', samples: [50, 51, 49] }),
      series({ x: 1024, case: 'behind 1024 tokens', target: 'llama.cpp <&>', samples: [45, 46, null] }),
      series({ suite: 'startup', case: 'ready', measure: 'again', better: 'lower', samples: [700, 710, 690] }),
    ],
    {
      skipped: [{ suite: 'startup', target: 'llama.cpp <&>', reason: 'it starts daemons of its own' }],
      failures: [{ suite: 'decode', target: 'llama.cpp <&>', code: 'PeerFailed', message: 'it broke off' }],
      complete: false,
    },
  );

  test('fits its schema', () => {
    expect(benchmarkSchema.parse(JSON.parse(JSON.stringify(one)))).toEqual(one);
  });

  test('as Markdown has a row for each measure, the gain beside the first, and what was left out', () => {
    const text = toMarkdown(one);
    expect(text).toContain('| behind 128 tokens | rate, tokens/s | 100 (99..101) | 50 (49..51) | -50 %');
    expect(text).toContain('## startup');
    expect(text).toContain('llama.cpp <&> failed in decode and was left out from there on: it broke off (PeerFailed)');
    expect(text).toContain('startup of llama.cpp <&> was left out: it starts daemons of its own');
  });

  test('as HTML is one file: plots within, nothing fetched, names escaped, light and dark', () => {
    const html = toHtml(one);
    expect(html.match(/<svg/g)).toHaveLength(2);
    expect(html.match(/<polyline/g)).toHaveLength(2);
    expect(html).toContain('llama.cpp &lt;&amp;&gt;');
    expect(html).not.toMatch(/<script|<link|src=|href=|@import|url\(|llama\.cpp </);
    expect(html).toContain('prefers-color-scheme: dark');
  });
});
