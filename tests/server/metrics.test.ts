/** GET /metrics of a real daemon: it counts what was done, and a real Prometheus reads it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Definition, METRICS } from '../../src/adapters/metrics/definitions.js';
import { AgentApi } from '../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { hasTool } from '../support/has-tool.js';
import { createHome, semantic } from '../support/run-semantic.js';
import { STARTER_MODEL } from '../support/starter-model.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_MODEL_CONTEXT: '2048' });
}, 60_000);
afterAll(() => daemon.stop());

const scrape = async (accept = 'text/plain', of = daemon): Promise<{ readonly type: string; readonly text: string }> => {
  const reply = await fetch(`${of.summary.address}/metrics`, { headers: { accept } });
  expect(reply.status).toBe(200);
  return { type: reply.headers.get('content-type')!, text: await reply.text() };
};
/** By name and labels as they stand in the page. */
async function samples(): Promise<ReadonlyMap<string, number>> {
  const { text } = await scrape();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}
const of = (name: string, labels: Readonly<Record<string, string>> = {}): string =>
  `${name}{${Object.entries({ model: STARTER_MODEL, ...labels })
    .map(([key, value]) => `${key}="${value}"`)
    .join(',')}}`;

describe('the page', () => {
  test('has every metric of the table, which docs/observability.md has too', async () => {
    const { type, text } = await scrape();
    expect(type).toContain('text/plain; version=0.0.4');
    const rows: string[] = [];
    for (const [name, { type: kind, labels, help }] of Object.entries(METRICS) as [string, Definition][]) {
      expect(text).toContain(`# TYPE ${name} ${kind}\n`);
      rows.push(`| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`);
    }
    const page = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    expect(page.split('\n').filter((line) => line.startsWith('| `semantic_'))).toEqual(rows);
  });

  test('counts what was done: requests, tokens, hits and misses by cause, cancelled and refused ones', async () => {
    const before = await samples();
    const ask = (content: string, more: object = {}): Promise<Response> =>
      daemon.chat({ messages: [{ role: 'user', content }], max_tokens: 6, ignore_eos: true, user: 'metrics', ...more });
    const question = `Remember these: ${'one two three four '.repeat(40)}`;
    let [prompt, cached, output] = [0, 0, 0];
    for (let i = 0; i < 3; i++) {
      const { usage } = (await (await ask(question)).json()) as {
        usage: { prompt_tokens: number; completion_tokens: number; prompt_tokens_details: { cached_tokens: number } };
      };
      prompt += usage.prompt_tokens;
      cached += usage.prompt_tokens_details.cached_tokens;
      output += usage.completion_tokens;
    }
    expect((await ask('x '.repeat(5000))).status).toBe(400);
    const gone = new AbortController();
    const story = daemon.chat(
      { messages: [{ role: 'user', content: 'A story.' }], ignore_eos: true, stream: true },
      { signal: gone.signal },
    );
    story.catch(() => undefined);
    const first = of('semantic_time_to_first_token_seconds_count');
    await until(samples, (page) => (page.get(first) ?? 0) === (before.get(first) ?? 0) + 4);
    await story;
    gone.abort();
    const after = await until(samples, (page) => page.get(of('semantic_cancelled_total')) === 1);
    const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect({
      ok: grown(of('semantic_request_total', { status: 'ok' })),
      cancelled: grown(of('semantic_request_total', { status: 'cancelled' })),
      tooLong: grown(of('semantic_rejected_total', { reason: 'context_length_exceeded' })),
      durations: grown(of('semantic_request_duration_seconds_count')),
      firstTokens: grown(of('semantic_time_to_first_token_seconds_count')),
      hits: grown(of('semantic_cache_hit_total')),
      neverSeen: grown(of('semantic_cache_miss_total', { cause: 'never_seen' })),
    }).toEqual({ ok: 3, cancelled: 1, tooLong: 1, durations: 3, firstTokens: 4, hits: 3, neverSeen: 1 }); // the last one begins as the others do
    expect(cached).toBeGreaterThan(0);
    const generated = grown(of('semantic_tokens_generated_total'));
    expect(generated).toBeGreaterThan(output); // and those of the one that was given up
    expect(grown(of('semantic_inter_token_seconds_count'))).toBeGreaterThanOrEqual(output - 3);
    expect(grown(of('semantic_tokens_prefilled_total'))).toBeGreaterThanOrEqual(prompt - cached);
    expect(after.get(of('semantic_cached_tokens_ratio'))).toBeGreaterThan(0.3);
    expect(after.get('semantic_memory_used_bytes{kind="weights"}')).toBe((await daemon.status()).native.weightBytes);
    expect([...after.keys()].filter((key) => key.includes('agent='))).toEqual([]); // asked for below
  });

  test('is OpenMetrics where that is asked for, and nobody is given it who may not have it', async () => {
    const pages = await Promise.all([scrape('application/openmetrics-text; version=1.0.0'), scrape()]);
    expect(pages[0].type).toContain('application/openmetrics-text');
    expect(pages[0].text).toMatch(/# EOF\n?$/);
    expect(pages[1].text).not.toContain('# EOF');
    const home = createHome();
    await semantic(['keys', 'add', 'one'], { home: home.path });
    for (const [open, status] of [
      ['false', 401],
      ['true', 200],
    ] as const) {
      const guarded = await startDaemon([], {
        SEMANTIC_HOME: home.path,
        SEMANTIC_SERVER_REQUIRE_KEYS: 'true',
        SEMANTIC_METRICS_OPEN: open,
      });
      expect((await fetch(`${guarded.summary.address}/metrics`)).status).toBe(status);
      await guarded.stop();
    }
    home.remove();
  });

  test('has the tokens of each agent by its id where that is asked for', async () => {
    const naming = await startDaemon([], { SEMANTIC_METRICS_AGENT_IDS: 'true', SEMANTIC_MODEL_CONTEXT: '1024' });
    const api = new AgentApi(naming);
    await api.create({ id: 'planner' });
    const { usage } = await api.say('planner', 'Plan.', { max_tokens: 3, ignore_eos: true });
    const { text } = await scrape('text/plain', naming);
    for (const [kind, tokens] of Object.entries({ prompt: usage.prompt_tokens, cached: 0, completion: 3 }))
      expect(text).toContain(`semantic_agent_tokens_total{agent="planner",kind="${kind}"} ${tokens}\n`);
    await naming.stop();
  });
});

describe('the log', () => {
  test('has a line for every answer with its request, its trace and its tokens, and neither the prompt nor the key', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const reply = await daemon.chat(
      { messages: [{ role: 'user', content: 'The password is xylophone-7.' }], max_tokens: 4, ignore_eos: true },
      { headers: { authorization: 'Bearer sk-never-in-a-log', traceparent: `00-${trace}-b7ad6b7169203331-01` } },
    );
    expect(reply.headers.get('traceparent')).toMatch(new RegExp(`^00-${trace}-[\\da-f]{16}-01$`));
    const { usage } = (await reply.json()) as { usage: { prompt_tokens: number } };
    const written = await until(
      () => daemon.stderr(),
      (text) => text.includes(trace),
    );
    const lines = written
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find((line) => line['trace'] === trace)).toMatchObject({
      level: 30,
      reqId: reply.headers.get('x-request-id'),
      msg: 'answered',
      promptTokens: usage.prompt_tokens,
      completionTokens: 4,
      reason: 'length',
    });
    expect(daemon.stderr()).not.toMatch(/xylophone|sk-never/);
  });
});

describe('Prometheus', () => {
  test.skipIf(!hasTool('promtool'))('finds nothing to mend in the page and in the alert rules', async () => {
    const { text } = await scrape();
    const checked = await execa('promtool', ['check', 'metrics'], { input: text, reject: false });
    expect([checked.exitCode, checked.stdout, checked.stderr]).toEqual([0, '', '']);
    const rules = new URL('../../config/observability/alerts.yml', import.meta.url).pathname;
    expect((await execa('promtool', ['check', 'rules', rules], { reject: false })).exitCode).toBe(0);
  });

  test.skipIf(!hasTool('prometheus'))('scrapes it, and has the figures', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'semantic-prometheus-'));
    const target = new URL(daemon.summary.address).host;
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `scrape_configs:\n  - job_name: semantic\n    scrape_interval: 500ms\n    scrape_timeout: 500ms\n    static_configs:\n      - targets: ['${target}']\n`,
    );
    const port = 20_000 + (process.pid % 20_000);
    const web = `127.0.0.1:${port}`;
    const server = spawn(
      'prometheus',
      [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${web}`],
      { stdio: 'ignore' },
    );
    try {
      const query = async (text: string): Promise<number> => {
        const reply = await fetch(`http://${web}/api/v1/query?query=${encodeURIComponent(text)}`).catch(() => null);
        const { data } =
          reply?.ok === true ? ((await reply.json()) as { data: { result: { value: [number, string] }[] } }) : { data: null };
        return Number(data?.result[0]?.value[1] ?? Number.NaN);
      };
      const generated = (await samples()).get(of('semantic_tokens_generated_total'))!;
      const seen = await until(
        () => query('sum(semantic_tokens_generated_total)'),
        (value) => !Number.isNaN(value),
      );
      expect(seen).toBe(generated);
      expect(await query('up{job="semantic"}')).toBe(1);
    } finally {
      server.kill('SIGKILL');
      await new Promise((resolve) => server.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('every query of the dashboard and the alert rules is of metrics that there are', () => {
    const read = (name: string): string => readFileSync(new URL(`../../config/observability/${name}`, import.meta.url), 'utf8');
    const dashboard = JSON.parse(read('dashboard.json')) as { panels: { title: string; targets?: { expr: string }[] }[] };
    const queries = dashboard.panels.flatMap(({ targets }) => targets?.map(({ expr }) => expr) ?? []);
    const rules = [...read('alerts.yml').matchAll(/^ +expr: (.+)$/gm)].map(([, expr]) => expr!);
    expect(queries.length).toBeGreaterThan(10);
    expect(rules.length).toBeGreaterThan(5);
    const known = Object.keys(METRICS);
    for (const query of [...queries, ...rules]) {
      const names = [...query.matchAll(/\bsemantic_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''));
      const isUp = query.includes('up{job="semantic"}');
      expect(names.length > 0 || isUp).toBe(true);
      expect(known).toEqual(expect.arrayContaining(names));
    }
  });
});
