import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentApi, eventsOf, type TurnEvent } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon([], { SEMANTIC_SERVER_KEEP_ALIVE_SECONDS: '0.05' });
  api = new AgentApi(daemon);
});
afterAll(() => daemon.stop());

const long = { input: 'Write a long story.', temperature: 0, ignore_eos: true, stream: true };
const engine = async () => (await daemon.status()).engine;
const isIdle = () => until(engine, ({ running, waiting }) => running === 0 && waiting === 0);

/** A turn that runs until it is aborted. */
async function endless(id: string): Promise<AbortController> {
  const abort = new AbortController();
  const response = await api.fetch('POST', `/agents/${id}/generate`, { ...long, max_tokens: 4000 }, abort.signal);
  response.text().catch(() => undefined);
  await until(
    () => api.show(id),
    ({ state }) => state === 'running',
  );
  return abort;
}

describe('a client that goes away', () => {
  test('in the middle of a turn: the turn ends, the agent is as it was', async () => {
    await api.create({ id: 'left', system: 'Be brief.' });
    const before = (await engine()).requests.cancelled;
    const running = await endless('left');
    running.abort();
    expect((await isIdle()).requests.cancelled).toBe(before + 1);
    const after = await until(
      () => api.show('left'),
      ({ state }) => state === 'idle',
    );
    expect(after).toMatchObject({ turns: 0, messages: [{ role: 'system' }] });
    expect((await api.say('left', 'Hi')).text).not.toBe('');
  });

  test('while it waits for its agent: the turn never runs, and the next one may', async () => {
    await api.create({ id: 'queue', system: 'Be brief.' });
    const running = await endless('queue');
    const second = new AbortController();
    const waiting = api.fetch('POST', '/agents/queue/generate', { ...long, stream: false, max_tokens: 2 }, second.signal);
    waiting.catch(() => undefined);
    await until(
      () => api.show('queue'),
      ({ state }) => state === 'waiting',
    );
    const { submitted } = (await engine()).requests;
    second.abort();
    await until(
      () => api.show('queue'),
      ({ state }) => state === 'running',
    );
    running.abort();
    await isIdle();
    expect((await engine()).requests.submitted).toBe(submitted);
    expect((await api.say('queue', 'Hi')).agent).toBe('queue');
  });
});

describe('two turns of one agent', () => {
  test('the second waits for the first, its stream kept alive meanwhile, and knows what the first said', async () => {
    await api.create({ id: 'turns' });
    const first = api.fetch('POST', '/agents/turns/generate', { ...long, max_tokens: 150 });
    const head = await first;
    const second = await api.fetch('POST', '/agents/turns/generate', { ...long, input: 'Go on.', max_tokens: 4 });
    expect(second.status).toBe(200); // its head is there while it waits
    const [alive, events] = second.body!.tee();
    const [one, two] = [await eventsOf(head), await eventsOf(new Response(events))];
    expect(await new Response(alive).text()).toMatch(/: keep-alive\n\n/);
    expect([one[0], two[0]]).toEqual([
      { type: 'agent', agent: 'turns' },
      { type: 'agent', agent: 'turns' },
    ]);
    const { messages } = await api.show('turns');
    const text = (events_: TurnEvent[]) => events_.map((event) => event['text'] ?? '').join('');
    expect(messages.map(({ content }) => content)).toEqual([long.input, text(one), 'Go on.', text(two)]);
  });

  test('with busy = fork the second is answered by a new child at once', async () => {
    await api.create({ id: 'busy', system: 'Be brief.' });
    await api.say('busy', 'Hi');
    const running = await endless('busy');
    const forked = await api.say('busy', 'What now?', { busy: 'fork' });
    expect(forked.agent).not.toBe('busy');
    expect(await api.show(forked.agent)).toMatchObject({ parent: 'busy', turns: 2 });
    expect((await api.show('busy')).state).toBe('running');
    running.abort();
    await until(
      () => api.show('busy'),
      ({ state }) => state === 'idle',
    );
    expect((await api.say('busy', 'What now?')).text).toBe(forked.text);
  });

  test('what would change a running agent is a conflict; a fork of it is what it was before the turn', async () => {
    const running = await endless('busy');
    const conflicts = await Promise.all([
      api.call('POST', '/agents/busy/rewind', { turns: 1 }),
      api.call('DELETE', '/agents/busy'),
      api.call('POST', '/agents', { id: 'busy' }),
    ]);
    for (const { status, body } of conflicts)
      expect([status, body]).toEqual([409, { error: expect.objectContaining({ code: 'agent_conflict' }) }]);
    expect((await api.fork('busy', 'beside')).turns).toBe(2);
    running.abort();
    await isIdle();
  });
});

test('what goes wrong in a stream is an event of it, and the agent is as it was', async () => {
  await api.create({ id: 'quota', max_tokens: 300, system: 'Be brief.' });
  const running = await endless('quota');
  // It waits, so its head is out before it is known to be too long.
  const response = await api.fetch('POST', '/agents/quota/generate', { ...long, input: 'word '.repeat(400) });
  running.abort();
  const events = await eventsOf(response);
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'quota_exceeded', message: expect.stringContaining('300') } });
  expect((await api.show('quota')).messages).toHaveLength(1);
  const whole = await api.call('POST', '/agents/quota/generate', { input: 'word '.repeat(400) });
  expect(whole).toMatchObject({ status: 403, body: { error: { code: 'quota_exceeded' } } });
});
