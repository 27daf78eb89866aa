/**
 * npm run bench -- throughput|start|loop|memory|kv|kv-quality|fork|store|turns|parking [options]. Every figure in docs/benchmarks comes from here.
 * Progress goes to stderr, the Markdown table to stdout.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { locateModel } from '#src/adapters/hub/locate-model.js';
import type { ExecutorKind, KvFormat } from '../native/index.js';
import { daemonMemory } from './daemon-memory.js';
import { eventLoopDelay } from './event-loop.js';
import { forkCost, type ForkCost } from './fork-cost.js';
import { kvDomainTimes } from './kv-domain.js';
import { kvQuality } from './kv-quality.js';
import { kvStoreTimes } from './kv-store.js';
import { median } from './median.js';
import { openModel, ours, type OursOptions } from './ours.js';
import { llamaCpp } from './peers/llama-cpp.js';
import { mlxLm } from './peers/mlx-lm.js';
import { figure, table } from './table.js';
import { parkingCost } from './parking-cost.js';
import { secondTurn } from './second-turn.js';
import { compareThroughput, throughputTable } from './throughput.js';
import { versionTime } from './version-time.js';
import type { Contender, Workload } from './workload.js';

const BINARY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url)); // from bench/dist/bench

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'smollm2-135m-instruct' },
    threads: { type: 'string', default: `${availableParallelism()}` },
    executor: { type: 'string', default: 'cpu' },
    kv: { type: 'string', default: 'f16' },
    rounds: { type: 'string', default: '3' },
    prefill: { type: 'string', default: '512,4096' },
    decode: { type: 'string', default: '64' },
    depths: { type: 'string', default: '0,4096' },
    sequences: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '4096,4196' }, // fork: at the end of a block, and inside one
    forks: { type: 'string', default: '10' },
    blocks: { type: 'string', default: '10000' }, // store
    text: { type: 'string', default: fileURLToPath(new URL('../../../docs/architecture.md', import.meta.url)) }, // kv-quality
    score: { type: 'string', default: '1024' }, // kv-quality: tokens of the text
    depth: { type: 'string', default: '4096' }, // kv-quality: context of the tokens that are timed
    llama: { type: 'string' }, // folder that holds llama-bench
    'mlx-python': { type: 'string' },
    'mlx-model': { type: 'string' },
  },
});

const rounds = Number(values.rounds);
const options: OursOptions = {
  model: locateModel(values.model).path,
  threads: Number(values.threads),
  executor: values.executor as ExecutorKind,
  kvFormat: values.kv as KvFormat,
};
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const numbers = (list: string): number[] => list.split(',').map(Number);

const verbs: Readonly<Record<string, () => Promise<string>>> = {
  async throughput() {
    const contenders: Contender[] = [await ours(options)];
    if (values.llama !== undefined) contenders.push(llamaCpp(values.llama, options.model, options.threads));
    if (values['mlx-python'] !== undefined && values['mlx-model'] !== undefined) {
      contenders.push(mlxLm(values['mlx-python'], values['mlx-model']));
    }
    const workloads: Workload[] = [
      ...numbers(values.prefill).map((tokens): Workload => ({ kind: 'prefill', tokens, depth: 0, sequences: 1 })),
      ...numbers(values.sequences).flatMap((sequences) =>
        numbers(values.depths).map((depth): Workload => ({ kind: 'decode', tokens: Number(values.decode), depth, sequences })),
      ),
    ];
    const rows = await compareThroughput(contenders, workloads, rounds, progress);
    for (const contender of contenders) await contender.close();
    return throughputTable(contenders, rows);
  },
  async start() {
    const version = await versionTime(BINARY, Math.max(rounds, 11));
    const loads: number[] = [];
    for (let i = 0; i < Math.max(rounds, 5); i++) {
      const { native, loadMillis } = await openModel(options);
      loads.push(loadMillis);
      await native.close();
    }
    return table(
      ['start (median)', 'ms'],
      [
        ['`semantic --version`, whole process', figure(version.semantic)],
        ['`node -e 0`, whole process', figure(version.node)],
        ['load of the model, warm page cache', figure(median(loads))],
      ],
    );
  },
  async loop() {
    const { p50, p99, max } = await eventLoopDelay(options);
    return table(
      ['event-loop delay while decoding', 'ms'],
      [
        ['p50', figure(p50)],
        ['p99', figure(p99)],
        ['max', figure(max)],
      ],
    );
  },
  async kv() {
    const t = kvDomainTimes(Math.max(rounds, 101));
    return table(
      ['bookkeeping of KV memory (median)', 'ms'],
      [
        ['allocate 1,000 blocks of two layer kinds', figure(t.allocate)],
        ['free them', figure(t.free)],
        ['put a list of 8,192 tokens into the prefix index', figure(t.add)],
        ['find one of 1,000 that share 4,096 tokens, by the index', figure(t.find)],
        ['the same by a scan', figure(t.scan)],
      ],
    );
  },
  async store() {
    const t = await kvStoreTimes(Number(values.blocks), Math.max(rounds, 5));
    return table(
      ['blocks on disk', ''],
      [
        ['durable commit of 20 blocks of 4 KB, median', `${figure(t.commitMillis)} ms`],
        ['the same, 95th percentile', `${figure(t.commitMillis95)} ms`],
        ['commits, one after the other', `${figure(t.commitsPerSecond)} a second`],
        ['longest the event loop stood still meanwhile', `${figure(t.loopMillis)} ms`],
        [`opening a store of ${t.blocks} blocks, median`, `${figure(t.openMillis)} ms`],
        ['purging an agent of 20 blocks from it', `${figure(t.purgeMillis)} ms`],
      ],
    );
  },
  async 'kv-quality'() {
    const [score, depth] = [Number(values.score), Number(values.depth)];
    const rows = await kvQuality(options, readFileSync(values.text, 'utf8'), score, depth, Number(values.decode), rounds);
    return table(
      [
        `KV format, ${options.executor}, ${score} tokens`,
        'bytes a token',
        'mean KL to f32, nats',
        'largest',
        'same best token',
        `decode at ${depth}, tokens/s`,
        'against f16',
      ],
      rows.map((r) => [
        `\`${r.format}\``,
        `${r.bytesPerToken}`,
        r.meanKl.toExponential(1),
        r.largestKl.toExponential(1),
        `${(100 * r.agreement).toFixed(1)} %`,
        figure(r.decodeRate),
        figure(r.decodeShare),
      ]),
    );
  },
  async memory() {
    const flags = ['--threads', values.threads, '--executor', values.executor];
    const m = await daemonMemory(BINARY, values.model, flags, 1500);
    return table(
      [`daemon, one request with ${m.promptTokens} prompt tokens`, ''],
      [
        ['ready after', `${figure(m.readyMillis)} ms`],
        ['peak resident set', `${figure(m.peakMB)} MB`],
        ['weights', `${figure(m.weightMB)} MB`],
        ['KV', `${figure(m.kvMB)} MB`],
        ['peak - weights - KV', `${figure(m.overheadMB)} MB`],
      ],
    );
  },
  async parking() {
    const [tokens] = numbers(values.tokens);
    const c = await parkingCost(options, tokens!, Number(values.decode), rounds);
    return table(
      [`decoding ${values.decode} tokens while ${figure(c.storedBytes / 1e6)} MB of another conversation are stored`, ''],
      [
        ['alone', `${figure(c.alone)} tok/s`],
        ['meanwhile', `${figure(c.meanwhile)} tok/s`],
        ['meanwhile / alone (median of pairs)', figure(c.meanwhile / c.alone)],
        ['stored after', `${figure(c.storeMillis)} ms`],
      ],
    );
  },
  async turns() {
    const flags = ['--threads', values.threads, '--executor', values.executor];
    const [tokens] = numbers(values.tokens);
    const t = await secondTurn({ binary: BINARY, model: values.model, flags, tokens: tokens!, rounds });
    if (!t.sameText) throw new Error('the second turn was not the same text everywhere');
    const row = (name: string, ttft: number, cached: number): string[] => [name, figure(ttft), figure(t.cold / ttft), `${cached}`];
    const read = `${figure(t.storedBytes / 1e6)} MB on disk, read plainly in ${figure(t.rawMillis)} ms`;
    return table(
      [`second turn, ${t.promptTokens} prompt tokens (${read})`, 'TTFT, ms', 'cold / this', 'cached tokens'],
      [
        row('cold', t.cold, 0),
        row('in memory', t.memory, t.cachedTokens.memory),
        row('from disk, after a restart, page cache dropped', t.disk, t.cachedTokens.disk),
        row('from disk, after kill -9, page cache dropped', t.crashed, t.cachedTokens.crashed),
      ],
    );
  },
  async fork() {
    const [forks, steps] = [Number(values.forks), Number(values.decode)];
    const costs: ForkCost[] = [];
    for (const tokens of numbers(values.tokens)) costs.push(await forkCost(options, tokens, forks, steps, rounds));
    const row = (name: string, of: (cost: ForkCost) => number): string[] => [name, ...costs.map((cost) => figure(of(cost)))];
    const beyond = `KV of all but what ${forks} x ${steps} new tokens take, against that of one`;
    return table(
      [`${forks} forks, ${options.executor}, kv ${options.kvFormat}`, ...costs.map(({ tokens }) => `of ${tokens} tokens`)],
      [
        row('forking, together, ms', (c) => c.forkMillis),
        row('KV allocated and copied by it, bytes', (c) => c.forkedBytes),
        row('KV of the one sequence, MB', (c) => c.parentBytes / 1e6),
        row('KV of all after decoding, MB', (c) => c.familyBytes / 1e6),
        row('copied by their first step, MB', (c) => c.copiedBytes / 1e6),
        row(beyond, (c) => (c.familyBytes - c.newTokenBytes) / c.parentBytes),
        row('a step of all forks, ms', (c) => c.stepMillis),
      ],
    );
  },
};

const verb = verbs[positionals[0] ?? ''];
if (verb === undefined) {
  progress(`wanted one of ${Object.keys(verbs).join(', ')}, got '${positionals[0] ?? ''}'`);
  process.exitCode = 2;
} else {
  process.stdout.write(`${await verb()}\n`);
}
