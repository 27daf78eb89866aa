import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findInstalled, type LibraryPlaces, showModel } from '../../../../src/adapters/hub/model-library.js';
import { parseSource, type HubSource } from '../../../../src/adapters/hub/pull/parse-source.js';
import { type HubPullOptions, pullHub } from '../../../../src/adapters/hub/pull/pull-hub.js';
import { verifyModel } from '../../../../src/adapters/hub/verify-model.js';
import { until } from '../../../support/daemon.js';
import { RUN, semantic } from '../../../support/run-semantic.js';
import { rejection } from '../../../rejection.js';
import { COMMIT, HubServer, sha256 } from './hub-server.js';

const root = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let number = 0;
let home: string;
let hub: HubServer;
const weights = randomBytes(1_000_000);
const PIECE = 100_000;

beforeEach(async () => {
  number += 1;
  home = join(root, String(number));
  mkdirSync(home);
  hub = await HubServer.start();
  hub.add('.gitattributes', 'x');
  hub.add('README.md', 'read me');
  hub.add('config.json', '{"model_type":"llama"}');
  hub.add('tokenizer.json', '{}');
  hub.add('model.safetensors', weights, true);
  hub.add('pytorch_model.bin', randomBytes(1000), true);
  hub.add('onnx/model.onnx', randomBytes(1000), true);
});
afterEach(() => hub.stop());

const models = (): string => join(home, 'models');
const places = (): LibraryPlaces => ({
  models: models(),
  aliases: join(home, 'a.json'),
  facts: join(home, 'f.json'),
  use: join(home, 'u.json'),
});
const pull = (text = 'hf:owner/tiny', changed: Partial<HubPullOptions> = {}) =>
  pullHub(parseSource(text) as HubSource, {
    models: models(),
    name: null,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    endpoint: hub.endpoint,
    token: null,
    retries: 2,
    timeoutMs: 5_000,
    parallel: 4,
    pieceBytes: PIECE,
    ...changed,
  });
const installed = (): string[] => readdirSync(models()).toSorted();

describe('pulling a repository', () => {
  test('fetches what a model needs and nothing else, in ranges, and notes where it came from', async () => {
    const seen: number[] = [];
    const pulled = await pull('hf:owner/tiny', { onProgress: ({ done, total }) => seen.push(done / total) });
    expect(pulled).toMatchObject({ name: 'tiny', path: join(models(), 'tiny'), fetched: true, source: `hf:owner/tiny@${COMMIT}` });
    expect(readdirSync(pulled.path).toSorted()).toEqual(['.semantic.json', 'config.json', 'model.safetensors', 'tokenizer.json']);
    expect(readFileSync(join(pulled.path, 'model.safetensors')).equals(weights)).toBe(true);
    expect(installed()).toEqual(['tiny']);
    expect(hub.asked.filter(({ server }) => server === 'store').map(({ range }) => range)).toHaveLength(10);
    expect([seen.at(-1), Math.max(...seen)]).toEqual([1, 1]);
    const detail = await showModel('tiny', places());
    expect(detail.files.find(({ path }) => path === 'model.safetensors')?.sha256).toBe(sha256(weights));
    expect((await verifyModel(findInstalled('tiny', places()), () => undefined)).files.map(({ state }) => state)).toEqual([
      'whole',
      'whole',
      'whole',
    ]);
  });

  test('a second pull fetches no file; one of a damaged model fetches it again', async () => {
    const { path } = await pull();
    const { served } = hub;
    expect(await pull()).toMatchObject({ fetched: false });
    expect(hub.served).toBe(served);
    writeFileSync(join(path, 'model.safetensors'), 'damaged');
    expect(await pull()).toMatchObject({ fetched: true });
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights)).toBe(true);
    expect(installed()).toEqual(['tiny']);
  });

  test('another revision of a name that is taken is refused, and --name gives it another', async () => {
    await pull();
    writeFileSync(join(models(), 'tiny', '.semantic.json'), '{}');
    expect(await rejection(pull('hf:owner/tiny@v1'))).toMatchObject({ code: 'ModelConflict', hint: expect.stringContaining('--name') });
    expect(await pull('hf:owner/tiny@v1', { name: 'other' })).toMatchObject({ name: 'other' });
    expect(await rejection(pull('hf:owner/tiny', { name: '../x' }))).toMatchObject({ code: 'InvalidRequest', param: 'name' });
  });

  test('the token goes to the hub, and to nobody it redirects to', async () => {
    await pull('hf:owner/tiny', { token: 'hf_secret' });
    const shown = (server: string) =>
      new Set(hub.asked.filter((asked) => asked.server === server).map(({ authorization }) => authorization));
    expect([shown('hub'), shown('store')]).toEqual([new Set(['Bearer hf_secret']), new Set([undefined])]);
  });

  test('a server without ranges serves too', async () => {
    hub.withRanges = false;
    const { path } = await pull();
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights)).toBe(true);
  });
});

describe('GGUF repositories', () => {
  beforeEach(() => {
    hub.files.clear();
    hub.add('Tiny.Q4_0.gguf', 'q4', true);
    hub.add('Tiny.Q4_K_M.gguf', 'q4km', true);
    hub.add('Tiny.Q8_0.gguf', 'q8', true);
  });

  test('want the file named, and list what there is', async () => {
    expect(await rejection(pull())).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('Tiny.Q4_0.gguf, Tiny.Q4_K_M.gguf, Tiny.Q8_0.gguf'),
    });
    expect(await rejection(pull('hf:owner/tiny:Q9'))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('like "Q9"'),
    });
    expect(await rejection(pull('hf:owner/tiny:Tiny'))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('several'),
    });
  });

  test.each([
    ['q4_0', 'Tiny.Q4_0', 'q4'],
    ['Q4_K_M', 'Tiny.Q4_K_M', 'q4km'],
    ['Tiny.Q8_0.gguf', 'Tiny.Q8_0', 'q8'],
  ])('%s is %s', async (pick, id, content) => {
    const pulled = await pull(`hf:owner/tiny:${pick}`);
    expect(pulled).toMatchObject({ name: id, path: join(models(), id, `${id}.gguf`) });
    expect(readFileSync(pulled.path, 'utf8')).toBe(content);
  });

  test('split ones are refused, and one without any model is too', async () => {
    hub.files.clear();
    hub.add('big-00001-of-00002.gguf', 'a', true);
    hub.add('big-00002-of-00002.gguf', 'b', true);
    expect(await rejection(pull('hf:owner/tiny:big'))).toMatchObject({ code: 'ModelUnsupported' });
    hub.files.clear();
    hub.add('pytorch_model.bin', 'a', true);
    expect(await rejection(pull())).toMatchObject({ code: 'ModelUnsupported', hint: expect.stringContaining('.bin') });
  });
});

describe('when the hub is in trouble', () => {
  test('a 429 is waited for as long as it says, a 503 and a cut connection are tried again', async () => {
    let [busy, cut, gone] = [0, 0, 0];
    hub.trouble = ({ path, server }, response) => {
      if (path.endsWith('/revision/main') && busy++ === 0) return answer(response, 429, { 'retry-after': '1' });
      if (path.includes('/tree/') && gone++ === 0) return answer(response, 503);
      if (server !== 'store' || cut++ > 0) return false;
      response.writeHead(206, {
        'content-range': `bytes 0-${PIECE - 1}/${weights.length}`,
        'content-length': PIECE,
        etag: hub.etag('model.safetensors'),
      });
      response.write(weights.subarray(0, 40_000));
      setTimeout(() => response.destroy(), 50);
      return true;
    };
    const started = performance.now();
    const { path } = await pull();
    expect(performance.now() - started).toBeGreaterThan(1_000);
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights)).toBe(true);
    const again = hub.asked
      .map(({ range }) => range)
      .filter((range) => range?.endsWith(`-${PIECE - 1}`) === true && range !== `bytes=0-${PIECE - 1}`);
    expect(new Set(again)).toEqual(new Set([expect.stringMatching(/^bytes=[1-9]\d*-99999$/)]));
  });

  test('what does not pass is given up after the attempts there are, and what arrived is kept for the next', async () => {
    let broken = true;
    hub.trouble = ({ server, range }, response) => broken && server === 'store' && range === 'bytes=900000-999999' && answer(response, 503);
    expect(await rejection(pull('hf:owner/tiny', { retries: 1 }))).toMatchObject({
      code: 'DownloadFailed',
      message: expect.stringMatching(/model\.safetensors failed 2 times, at last: the hub answered 503/),
      hint: expect.stringContaining('run the same command again'),
    });
    expect(existsSync(join(models(), 'tiny'))).toBe(false);
    broken = false;
    hub.served = 0;
    await pull();
    expect(hub.served).toBe(100_000);
  });

  test.each([
    [401, null, 'DownloadFailed', /lets nobody in/, /Set HF_TOKEN/],
    [403, 'hf_x', 'DownloadFailed', /lets this token in|it lets this token/, /Accept the terms/],
    [404, null, 'ModelNotFound', /no such repository/, /HF_TOKEN/],
    [410, null, 'DownloadFailed', /answered 410/, null],
  ])('%i with the token %s is %s', async (status, token, code, message, hint) => {
    hub.trouble = (_asked, response) => answer(response, status);
    const error = await rejection(pull('hf:owner/tiny', { token }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (hint !== null) expect(error).toMatchObject({ hint: expect.stringMatching(hint) });
    expect(hub.asked).toHaveLength(1);
  });

  test.each(['config.json', 'model.safetensors'])('wrong bytes of %s are HashMismatch, and nothing of them stays', async (path) => {
    hub.claim = (one, hash) => (one === path ? hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) : hash);
    hub.trouble = ({ path: asked, server }, response) => {
      // Without the identity of the stored file, which would tell before a byte is fetched.
      if (server === 'store' || !asked.endsWith('.safetensors')) return false;
      return answer(response, 302, { location: `${hub.storeAddress}/model.safetensors` });
    };
    expect(await rejection(pull())).toMatchObject({ code: 'HashMismatch', message: expect.stringContaining(path) });
    expect(existsSync(join(models(), 'tiny'))).toBe(false);
    expect(readdirSync(join(models(), '.pull-tiny')).filter((name) => name.startsWith(path))).toEqual([]);
  });

  test('a file that becomes another in mid-download is noticed, and begun anew the next time', async () => {
    hub.trouble = ({ server }) => {
      if (server === 'store' && hub.served > 300_000) hub.etag = () => '"other"';
      return false;
    };
    expect(await rejection(pull('hf:owner/tiny', { parallel: 1 }))).toMatchObject({
      code: 'DownloadFailed',
      message: expect.stringContaining('changed on the hub while it was fetched'),
    });
    hub.trouble = () => false;
    const { path } = await pull();
    expect(readFileSync(join(path, 'model.safetensors')).equals(weights)).toBe(true);
  });

  test.each([
    ['a list that is no list', (response: Response_) => json(response, { error: 'what' }), 'DownloadFailed', /not what it should be/],
    ['a page of HTML', (response: Response_) => response.writeHead(200).end('<html>'), 'DownloadFailed', /failed 2 times/],
    [
      'a redirect to itself',
      (response: Response_) => response.writeHead(302, { location: '/x' }).end(),
      'DownloadFailed',
      /more than 5 redirects/,
    ],
    [
      'a redirect elsewhere than to HTTP',
      (r: Response_) => r.writeHead(302, { location: 'file:///x' }).end(),
      'DownloadFailed',
      /is not followed/,
    ],
  ])('%s is %s', async (_name, reply, code, message) => {
    hub.trouble = (_asked, response) => {
      reply(response);
      return true;
    };
    expect(await rejection(pull('hf:owner/tiny', { retries: 1 }))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('names that lead out of the folder are not fetched', async () => {
    hub.files.clear();
    hub.add('../model.safetensors', 'x', true);
    expect(await rejection(pull())).toMatchObject({ code: 'ModelUnsupported' });
    expect(existsSync(join(home, 'model.safetensors'))).toBe(false);
  });

  test('nobody there is DownloadFailed with what to do', async () => {
    const { endpoint } = hub;
    await hub.stop();
    hub = await HubServer.start();
    const error = await rejection(pull('hf:owner/tiny', { endpoint, retries: 0 }));
    expect(error).toMatchObject({ code: 'DownloadFailed', status: 502, exitCode: 5 });
  });

  test('a model larger than the disk is DiskFull before a byte of it is fetched', async () => {
    const { files } = hub;
    const huge = files.get('model.safetensors')!;
    hub.trouble = ({ path }, response) => {
      if (!path.includes('/tree/')) return false;
      json(response, [{ type: 'file', path: 'model.safetensors', size: 1e15, oid: 'x', lfs: { oid: sha256(huge.content), size: 1e15 } }]);
      return true;
    };
    expect(await rejection(pull('hf:owner/tiny', { pieceBytes: 1e14 }))).toMatchObject({ code: 'DiskFull', exitCode: 5 });
    expect(hub.served).toBe(0);
  });

  test('a caller that goes away stops it, and the next goes on from there', async () => {
    hub.delayMs = 20;
    const caller = new AbortController();
    const stopped = pull('hf:owner/tiny', { signal: caller.signal, parallel: 1 });
    stopped.catch(() => undefined);
    await until(
      () => hub.served,
      (served) => served > 300_000,
    );
    caller.abort();
    expect(await rejection(stopped)).toMatchObject({ code: 'Cancelled', exitCode: 130 });
    [hub.delayMs, hub.served] = [0, 0];
    await pull();
    expect(hub.served).toBeLessThan(900_000);
  });
});

describe('two at once', () => {
  test('the second is told who fetches the model; a lock of a process that is gone does not count', async () => {
    hub.delayMs = 20;
    const first = pull();
    await until(
      () => hub.served,
      (served) => served > 0,
    );
    expect(await rejection(pull())).toMatchObject({ code: 'ModelConflict', message: expect.stringContaining(`process ${process.pid}`) });
    await first;
    const gone = spawn(process.execPath, ['-e', '0']);
    await once(gone, 'exit');
    mkdirSync(models(), { recursive: true });
    writeFileSync(join(models(), '.pull-again.lock'), String(gone.pid));
    expect(await pull('hf:owner/tiny', { name: 'again' })).toMatchObject({ fetched: true });
    expect(installed()).toEqual(['again', 'tiny']);
  });
});

describe('kill -9', () => {
  test('in mid-pull leaves no model, and the same command finishes and transfers only the rest', async () => {
    const large = randomBytes(12 * 2 ** 20);
    hub.add('model.safetensors', large, true);
    hub.delayMs = 10;
    const env = { SEMANTIC_HOME: home, HF_ENDPOINT: hub.endpoint, SEMANTIC_HUB_PIECE_MB: '1', SEMANTIC_HUB_PARALLEL: '2' };
    const args = ['models', 'pull', 'hf:owner/tiny', '--json'];
    const child = spawn(process.execPath, [RUN, ...args], { env: { ...process.env, ...env }, stdio: 'ignore', cwd: home });
    await until(
      () => hub.served,
      (served) => served > 7 * 2 ** 20,
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readdirSync(models())).toEqual(['.pull-tiny', '.pull-tiny.lock']);
    [hub.served, hub.delayMs] = [0, 0];
    const { exitCode, stdout, stderr } = await semantic(args, { home, env });
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('tiny is installed')]);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'tiny', fetched: true });
    // Of 12 MB more than 7 had been served: at most the two pieces that were on their way are fetched again.
    expect(hub.served).toBeLessThan(8 * 2 ** 20);
    expect(readFileSync(join(models(), 'tiny', 'model.safetensors')).equals(large)).toBe(true);
    expect(readdirSync(models())).toEqual(['tiny']);
    expect(statSync(join(models(), 'tiny', 'model.safetensors')).mode & 0o077).toBe(0);
  });
});

type Response_ = Parameters<HubServer['trouble']>[1];

function answer(response: Response_, status: number, headers: Record<string, string> = {}): boolean {
  response.writeHead(status, headers).end();
  return true;
}

function json(response: Response_, body: object): void {
  response.writeHead(200).end(JSON.stringify(body));
}
