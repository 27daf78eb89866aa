/**
 * Makes tests/recordings/fleet anew: node tests/recordings/record-fleet.js, after npm test has compiled src/ and fetched the starter model.
 * A small fleet: a main agent with a tool and two sub-agents, a second client on another API, answers that refer to stored ones, two requests
 * at once, and a client that goes away.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const FLEET = fileURLToPath(new URL('fleet/', import.meta.url));
const MODEL = 'smollm2-135m-instruct';
const TOOL = {
  name: 'read_file',
  description: 'Reads a file of the project.',
  input_schema: {
    type: 'object',
    properties: { path: { type: 'string', maxLength: 12 } },
    required: ['path'],
    additionalProperties: false,
  },
};
const SYSTEM = 'You are a careful engineer. You read files before you say what is in them, and you answer in one short sentence. ';

/** @type {string} */
let address = '';

/**
 * @param {string} path
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
async function post(path, body, headers = {}) {
  const response = await fetch(address + path, {
    method: 'POST',
    body: JSON.stringify({ model: MODEL, ...body }),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/**
 * A conversation of a client of the Messages API, which says whose it is.
 * @param {Record<string, string>} headers
 * @param {string} system
 */
function messagesAgent(headers, system) {
  /** @type {{ role: string, content: unknown }[]} */
  const messages = [];
  const base = { system, tools: [TOOL], max_tokens: 8 };
  return async (/** @type {unknown} */ content, /** @type {object} */ how = {}) => {
    messages.push({ role: 'user', content });
    const answer = await post('/v1/messages', { ...base, ...how, messages }, { 'x-api-key': 'fleet', ...headers });
    messages.push({ role: 'assistant', content: answer.content });
    return answer;
  };
}

async function messagesFleet() {
  const session = 'f1ee7000-0000-4000-8000-000000000001';
  const main = messagesAgent({ 'x-claude-code-session-id': session }, SYSTEM);
  const called = await main('What does notes.txt say?', { max_tokens: 40, tool_choice: { type: 'any', disable_parallel_tool_use: true } });
  const use = called.content.find((/** @type {{ type: string }} */ block) => block.type === 'tool_use');
  await main([{ type: 'tool_result', tool_use_id: use.id, content: 'The meeting is on Monday.' }]);
  for (const agent of ['a1', 'a2']) {
    const of = { 'x-claude-code-session-id': session, 'x-claude-code-agent-id': agent };
    const sub = messagesAgent(of, `${SYSTEM}You work for another agent.`);
    await sub(`Summarise part ${agent} of the notes.`);
    await sub('Shorter, please.');
  }
  await main('And on which day is that?');
}

async function chatAgent() {
  const messages = [{ role: 'system', content: SYSTEM }];
  for (const question of ['Name a colour.', 'Another one.', 'And a third.']) {
    messages.push({ role: 'user', content: question });
    const answer = await post('/v1/chat/completions', { messages, max_tokens: 8, session_id: 'fleet-chat' });
    messages.push({ role: 'assistant', content: answer.choices[0].message.content });
  }
}

async function storedResponses() {
  const first = await post('/v1/responses', { input: 'Count to five.', max_output_tokens: 8 });
  await post('/v1/responses', { input: 'Go on.', previous_response_id: first.id, max_output_tokens: 8 });
}

async function twoAtOnce() {
  const ask = (/** @type {string} */ prompt) => post('/v1/completions', { prompt, max_tokens: 8 });
  await Promise.all([ask('The first month of the year is'), ask('The highest mountain on earth is')]);
}

async function whoLeaves() {
  const left = new AbortController();
  const body = JSON.stringify({
    model: MODEL,
    stream: true,
    max_tokens: 400,
    ignore_eos: true,
    messages: [{ role: 'user', content: 'Tell me a story.' }],
  });
  const { body: stream } = await fetch(`${address}/v1/chat/completions`, { method: 'POST', body, signal: left.signal });
  if (stream === null) throw new Error('there is no stream');
  const reader = stream.getReader();
  for (let i = 0; i < 5; i++) await reader.read();
  left.abort();
  await reader.closed.catch(() => undefined);
}

const home = mkdtempSync(join(tmpdir(), 'semantic-fleet-'));
symlinkSync(process.env['SEMANTIC_MODELS'] ?? join(homedir(), '.local/share/semantic/models'), join(home, 'models'));
rmSync(FLEET, { recursive: true, force: true });
const daemon = spawn(process.execPath, [RUN, 'serve', '--port', '0', '--json', '--executor', 'cpu', '--model', MODEL, '--record', FLEET], {
  env: { ...process.env, SEMANTIC_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  let said = '';
  for await (const part of daemon.stdout.setEncoding('utf8')) {
    said += part;
    if (said.trimEnd().endsWith('}\n}') || /"pid": \d+\s*}\s*$/.test(said)) break;
  }
  address = JSON.parse(said).address;
  await messagesFleet();
  await chatAgent();
  await storedResponses();
  await twoAtOnce();
  await whoLeaves();
} finally {
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  rmSync(home, { recursive: true, force: true });
}
