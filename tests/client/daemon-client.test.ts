import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonClient } from '../../src/client/daemon-client.js';
import { sseData } from '../../src/client/sse-lines.js';
import { type EngineEvent, type GenerationRequest, NOBODYS_KV } from '../../src/core/domain/request.js';
import { loadConfig } from '../../src/adapters/config/load-config.js';
import { type OpenedEngine, openEngine } from '../../src/server/open-engine.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome } from '../support/run-semantic.js';

const request: GenerationRequest = {
  messages: [{ role: 'user', content: 'Name three colours.' }],
  tools: [],
  sampling: {
    temperature: 0.8,
    topK: 40,
    topP: 0.9,
    minP: 0.01,
    repetitionPenalty: 1.1,
    frequencyPenalty: 0.1,
    presencePenalty: 0.1,
    logitBias: new Map([[28, -5]]),
    seed: 1234n,
    topLogprobs: 2,
  },
  logprobs: true,
  maxTokens: 12,
  stopStrings: ['zebra'],
  stopTokenIds: [3],
  ignoreEos: false,
  ...NOBODYS_KV,
  cachePrompt: false,
  sessionId: 's',
};

let daemon: TestDaemon;
let client: DaemonClient;
beforeAll(async () => {
  daemon = await startDaemon();
  const connected = await DaemonClient.connect(daemon.summary.socket, 1000);
  if (connected === null) throw new Error('no daemon answered');
  client = connected;
});
afterAll(async () => {
  await client.close();
  await daemon.stop();
});

async function collect(events: AsyncIterable<EngineEvent>): Promise<EngineEvent[]> {
  const all: EngineEvent[] = [];
  for await (const event of events) if (event.type === 'token' || event.type === 'finished') all.push(event);
  return all;
}

describe('the two ways of a command', () => {
  test('the client yields what the engine in process yields: text, log-probabilities, reason and usage', async () => {
    const settings = loadConfig({ environment: process.env, workingDirectory: daemon.home, flags: {} });
    const opened: OpenedEngine = await openEngine(settings);
    const [there, here] = [await collect(client.submit(request)), await collect(opened.engine.submit(request))];
    await opened.close();
    const comparable = (events: EngineEvent[]) =>
      events.map(
        (event) =>
          event.type === 'token'
            ? [event.text, event.logprob?.logprob, event.logprob?.top.map(({ bytes, logprob }) => [[...bytes], logprob])]
            : { ...event, tokens: null }, // ids do not come over the wire
      );
    expect(there.length).toBeGreaterThan(2);
    expect(comparable(there)).toEqual(comparable(here));
  });

  test('an error of the engine arrives as the same error', async () => {
    const long = { ...request, messages: [{ role: 'user', content: 'word '.repeat(9000) }] };
    await expect(collect(client.submit(long))).rejects.toMatchObject({
      code: 'PromptTooLong',
      message: expect.stringMatching(/^prompt is too long: \d+ tokens > 8192 maximum$/),
      exitCode: 3,
    });
  });

  test('aborting is Cancelled, and stops the generation in the daemon', async () => {
    const abort = new AbortController();
    const events = client.submit({ ...request, ignoreEos: true, maxTokens: 4000 }, { signal: abort.signal });
    await events.next();
    abort.abort();
    await expect(collect(events)).rejects.toMatchObject({ code: 'Cancelled', exitCode: 130 });
    await until(daemon.status, ({ engine }) => engine.running === 0);
  });

  test('a reader that leaves early stops the generation too', async () => {
    for await (const event of client.submit({ ...request, ignoreEos: true, maxTokens: 4000 })) if (event.type === 'token') break;
    const { engine } = await until(daemon.status, (status) => status.engine.running === 0);
    expect(engine.requests.cancelled).toBeGreaterThan(0);
  });
});

describe('connecting', () => {
  test('null where no socket is, and where whoever listens hangs up', async () => {
    const home = createHome();
    expect(await DaemonClient.connect(join(home.path, 'none.sock'), 500)).toBeNull();
    const path = join(home.path, 'dead.sock');
    const server = createServer((socket) => socket.destroy()).listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await DaemonClient.connect(path, 500)).toBeNull();
    server.close();
    home.remove();
  });

  test('a daemon that dies during an answer is DaemonUnreachable (7)', async () => {
    const victim = await startDaemon();
    const own = await DaemonClient.connect(victim.summary.socket, 1000);
    const events = own!.submit({ ...request, ignoreEos: true, maxTokens: 4000 });
    await events.next();
    victim.signal('SIGKILL');
    await expect(collect(events)).rejects.toMatchObject({ code: 'DaemonUnreachable', exitCode: 7 });
    await own!.close();
    await victim.stop();
  });
});

test('sseData() joins fields over chunk borders, characters included, and skips comments', async () => {
  const bytes = Buffer.from(': keep-alive\n\ndata: {"a":"ü😀"}\n\nevent: x\ndata: [DONE]\n\n');
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
    const got: string[] = [];
    for await (const data of sseData(
      (async function* () {
        yield* chunks;
      })(),
    ))
      got.push(data);
    expect(got).toEqual(['{"a":"ü😀"}', '[DONE]']);
  }
});
