/** The command of users, on a tiny model: real daemons, real sockets. Figures are not looked at, only that they are there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SlowProxy } from '../../../bench/slow-proxy.js';
import { type BenchmarkBody, benchmarkSchema } from '../../../src/bench/results/schema.js';
import { benchmark, series } from '../../bench/made-up.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { createHome, type Ended, RUN, semantic } from '../../support/run-semantic.js';
import { tinyModelFolder } from '../../support/tiny-model-folder.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const home = createHome();
const model = tinyModelFolder('llama-4bit-g32', join(home.path, 'tiny'));
const env = { SEMANTIC_MODEL_DEFAULT: model };
const run = (...args: string[]): Promise<Ended> => semantic(args, { home: home.path, env });
const measured = (ended: Ended): BenchmarkBody => benchmarkSchema.parse(JSON.parse(ended.stdout));

/** A run starts several daemons, and may have to measure again. */
vi.setConfig({ testTimeout: 180_000 });

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon(['--model', model]);
});
afterAll(async () => {
  await daemon.stop();
  home.remove();
});

describe('semantic bench', () => {
  test('measures a private daemon beside a peer, keeps the result, and shows it again', async () => {
    const [markdown, html] = [join(home.path, 'report.md'), join(home.path, 'report.html')];
    const peer = `url=${daemon.summary.address}`;
    const ended = await run(
      'bench',
      'decode',
      'prefill',
      '--quick',
      '--peer',
      peer,
      '--label',
      'first',
      '--markdown',
      markdown,
      '--html',
      html,
      '--json',
    );
    expect(ended).toMatchObject({ exitCode: 0 });
    const body = measured(ended);
    expect(body).toMatchObject({ complete: true, label: 'first', failures: [], skipped: [], settings: { rounds: 2, quick: true } });
    expect(body.targets.map(({ name, kind }) => [name, kind])).toEqual([
      ['semantic', 'ours'],
      [new URL(daemon.summary.address).host, 'url'],
    ]);
    const rates = body.series.filter(({ measure }) => measure === 'rate');
    expect(rates.map(({ suite, target }) => [suite, target])).toEqual(
      ['decode', 'prefill'].flatMap((suite) => body.targets.map(({ name }) => [suite, name])),
    );
    for (const { samples } of body.series) expect(samples.length).toBe(2);
    expect(readFileSync(markdown, 'utf8')).toContain('## prefill');
    expect(readFileSync(html, 'utf8')).toContain('<svg');

    expect((await run('bench', 'ls')).stdout).toMatch(new RegExp(`${body.id}.*decode prefill.*first`));
    expect(JSON.parse((await run('bench', 'show', 'latest', '--json')).stdout)).toEqual(body);
    const compared = await run('bench', 'compare', body.id, 'latest');
    expect(compared.stdout).toMatch(/decode .* rate, tokens\/s .* same/);
  });

  test('a target that runs already is measured as it is, over HTTP and over its socket; what would restart it is left out', async () => {
    for (const target of [daemon.summary.address, daemon.summary.socket]) {
      const body = measured(await run('bench', 'decode', 'startup', '--quick', '--target', target, '--no-save', '--json'));
      expect(body.series.map(({ suite }) => suite)).toContain('decode');
      expect(body.skipped).toEqual([expect.objectContaining({ suite: 'startup', reason: expect.stringContaining('--target') as string })]);
    }
    expect(JSON.parse((await run('bench', 'ls', '--json')).stdout)).toMatchObject({ benchmarks: [{ label: 'first' }] });
  });

  test('ttft has cold, hot and warm, and all of a conversation comes back from disk', async () => {
    const body = measured(await run('bench', 'ttft', '--quick', '--rounds', '1', '--no-save', '--json'));
    const measures = new Map(body.series.map(({ measure, median }) => [measure, median]));
    expect([...measures.keys()]).toEqual(['cold', 'hot', 'warm', 'hot reused', 'warm reused']);
    expect(measures.get('hot reused')).toBeGreaterThan(50);
    expect(measures.get('warm reused')).toBeGreaterThan(50);
  });

  test('suites of our own: what is counted is what it should be', async () => {
    const ended = await run(
      'bench',
      'memory',
      'startup',
      'server',
      'io',
      'blocks',
      'quality',
      'agents',
      '--quick',
      '-r',
      '1',
      '--no-save',
      '--json',
    );
    const body = measured(ended);
    expect([ended.exitCode, body.failures]).toEqual([0, []]);
    expect(new Set(body.series.map(({ suite }) => suite))).toEqual(
      new Set(['memory', 'startup', 'server', 'io', 'blocks', 'quality', 'agents']),
    );
    const valueOf = (suite: string, measure: string) => body.series.find((one) => one.suite === suite && one.measure === measure)!.median;
    expect(valueOf('memory', 'of padding')).toBeLessThan(100);
    expect(valueOf('quality', 'same best token')).toBeGreaterThan(0);
    expect(valueOf('agents', 'reused')).toBeGreaterThan(30);
  });

  /** Behind a proxy that can be stopped, and counts. */
  async function besideProxy(rounds: string, act: (proxy: SlowProxy, child: { kill(signal: 'SIGINT'): boolean }) => Promise<void>) {
    const proxy = await SlowProxy.start(daemon.summary.address, 0);
    const child = execa(process.execPath, [RUN, 'bench', 'decode', '--quick', '-r', rounds, '--peer', `url=${proxy.address}`, '--json'], {
      reject: false,
      env: { SEMANTIC_HOME: home.path, ...env },
    });
    await until(
      () => proxy.asked,
      (asked) => asked > BEGUN,
    );
    await act(proxy, child);
    const { exitCode, stdout } = await child;
    return { exitCode, body: benchmarkSchema.parse(JSON.parse(stdout)), proxy };
  }

  test('a peer that breaks off in the middle costs nobody else anything, and the exit code says it', async () => {
    const { exitCode, body } = await besideProxy('40', (proxy) => proxy.stop());
    expect([exitCode, body.complete]).toEqual([7, false]);
    expect(body.failures).toMatchObject([{ suite: 'decode', code: 'PeerFailed' }]);
    const [ours, theirs] = ['semantic', body.targets[1]!.name].map((name) => body.series.find(({ target }) => target === name)!);
    expect(ours!.samples).toHaveLength(40);
    expect(theirs!.samples.length).toBeLessThan(40);
  });

  test('Ctrl-C keeps what was measured, and exits with 130', async () => {
    const { exitCode, body, proxy } = await besideProxy('1000', (_proxy, child) => Promise.resolve(void child.kill('SIGINT')));
    await proxy.stop();
    expect([exitCode, body.complete, body.failures]).toEqual([130, false, []]);
    expect(body.series[0]!.samples.length).toBeGreaterThan(0);
    expect(body.series[0]!.samples.length).toBeLessThan(1000);
    expect(JSON.parse((await run('bench', 'show', body.id, '--json')).stdout)).toEqual(body);
  });
});

/** Requests that come before the rounds that count: what it has, how fast it is, and the first run. */
const BEGUN = 8;

describe('mistakes', () => {
  test.each([
    ['a suite there is none of', ['bench', 'speed'], 2, /no suite "speed"/],
    ['a peer that is written wrong', ['bench', '--peer', 'vllm'], 2, /--peer: got "vllm"/],
    ['a peer that is not there', ['bench', '--peer', 'llama.cpp=/nowhere', '--peer-gguf', 'x.gguf'], 8, /no llama-server at \/nowhere/],
    ['a peer that does not answer', ['bench', '--peer', 'url=http://127.0.0.1:9'], 7, /127\.0\.0\.1:9/],
    ['weights in no form of the peer', ['bench', '--peer', 'llama.cpp=/nowhere'], 2, /reads a GGUF file/],
    ['a target that does not run', ['bench', '--target', '/nowhere.sock'], 7, /nowhere\.sock/],
    ['a key that is not set', ['bench', '--peer-key', 'NO_SUCH_VARIABLE'], 2, /NO_SUCH_VARIABLE is not set/],
    ['a benchmark there is none of', ['bench', 'show', 'nothing'], 4, /no benchmark "nothing"/],
    ['a gate against nothing', ['bench', 'gate'], 2, /--against or --against-build/],
    ['a gate against a build that is not there', ['bench', 'gate', '--against-build', '/nowhere'], 8, /no build of semantic/],
    ['a gate with a share that is none', ['bench', 'gate', '--against-build', '.', '--max-regression', 'much'], 2, /wanted a share/],
    ['a gate against both', ['bench', 'gate', '--against-build', '.', '--against', 'latest'], 2, /against/],
  ])('%s', async (_name, args, exitCode, message) => {
    const ended = await run(...args);
    expect([ended.exitCode, ended.stdout]).toEqual([exitCode, '']);
    expect(ended.stderr).toMatch(message);
  });
});

describe('semantic bench gate', () => {
  const gateArgs = ['bench', 'gate', 'prefill', '--quick', '--no-save', '--json'];

  test('passes a build beside itself with 0', async () => {
    const ended = await run(...gateArgs, '--against-build', ROOT, '--max-regression', '95%');
    expect(ended.exitCode).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ passed: true, isPaired: true, measures: [{ suite: 'prefill', outcome: 'pass' }] });
  });

  test('fails one that is fifty times slower with 11, having measured it again', async () => {
    const proxy = await SlowProxy.start(daemon.summary.address, 49);
    const ended = await run(...gateArgs, '--against-build', ROOT, '--max-regression', '20%', '--target', proxy.address);
    await proxy.stop();
    expect(ended.exitCode).toBe(11);
    const report = JSON.parse(ended.stdout) as { readonly passed: boolean; readonly attempts: number };
    expect(report.passed).toBe(false);
    expect(report.attempts).toBeGreaterThan(1);
  });

  test('against a file: of other measures it is refused, of a machine that was faster by far it fails and says that it is another', async () => {
    mkdirSync(join(home.path, 'kept'));
    const [other, faster] = [join(home.path, 'kept/other.json'), join(home.path, 'kept/faster.json')];
    writeFileSync(other, JSON.stringify(benchmark([series({ suite: 'ttft', samples: [1] })])));
    const refused = await run(...gateArgs, '--against', other);
    expect([refused.exitCode, refused.stdout]).toEqual([2, expect.stringContaining('no measure in common') as string]);
    writeFileSync(faster, JSON.stringify(benchmark([series({ suite: 'prefill', case: '128 tokens', samples: [1e12, 1.1e12] })])));
    const failed = await run(...gateArgs, '--against', faster);
    expect(failed.exitCode).toBe(11);
    expect(failed.stderr).toContain('another machine');
  });
});
