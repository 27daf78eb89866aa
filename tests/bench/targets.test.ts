/** Servers that are measured, real ones of this process: what they send, what they fail with, and what a wish for one has to say. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { HttpEndpoint } from '../../src/bench/targets/http-endpoint.js';
import { openTargets, type TargetWish } from '../../src/bench/targets/open-targets.js';
import { decodeRate, firstTokenMillis, gapsOf } from '../../src/bench/targets/stream-chat.js';
import { joinUrl } from '../../src/bench/targets/url-peer.js';
import { SlowProxy } from '../../bench/slow-proxy.js';
import { rejection } from '../rejection.js';

const open: Server[] = [];
const folders: string[] = [];
const signal = new AbortController().signal;

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: Record<string, unknown>) => void;

/** A server of the chat API that answers as `chat` says. */
async function serve(chat: Answer, models: object = { data: [{ id: 'one', context_length: 2048 }, { id: 'two' }] }): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') return void response.end(JSON.stringify(models));
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => chat(request, response, JSON.parse(text) as Record<string, unknown>));
  });
  open.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const event = (chunk: object): string => `data: ${JSON.stringify(chunk)}\n\n`;
const piece = (content: string): string => event({ choices: [{ delta: { content } }] });
const usage = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 5 } } });
const whole: Answer = (_request, response) => response.end(`${piece('a')}${piece('b')}${piece('')}${piece('c')}${usage}data: [DONE]\n\n`);
const BODY = { messages: [{ role: 'user' as const, content: 'Hello.' }], maxTokens: 3 };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'semantic-peers-'));
  folders.push(path);
  return path;
}

const wish = (changed: Partial<TargetWish>): TargetWish => ({
  model: 'smollm2-135m-instruct',
  flags: [],
  threads: 1,
  target: null,
  againstBuild: null,
  peers: [],
  gguf: null,
  folder: null,
  apiKey: '',
  peerKey: '',
  ...changed,
});

describe('a server by its address', () => {
  test('is asked for its model, and an answer has its text, its tokens and a time for every piece', async () => {
    const address = await serve(whole);
    for (const url of [address, `${address}/`, `${address}/v1`, `${address}#one`]) {
      const peer = await joinUrl({ name: 'peer', url, apiKey: '' }, signal);
      expect(peer).toMatchObject({ model: 'one', contextTokens: 2048, own: null });
      const answer = await peer.chat(BODY);
      expect(answer).toMatchObject({ text: 'abc', promptTokens: 7, cachedTokens: 5, completionTokens: 3 });
      expect(answer.times).toHaveLength(3);
      expect(gapsOf(answer)).toHaveLength(2);
      await peer.close();
    }
  });

  test('a model by its name, and one that is not there with those that are', async () => {
    const address = await serve(whole);
    const peer = await joinUrl({ name: 'peer', url: `${address}#two`, apiKey: '' }, signal);
    expect(peer).toMatchObject({ model: 'two', contextTokens: null });
    await peer.close();
    const error = await rejection(joinUrl({ name: 'peer', url: `${address}#three`, apiKey: '' }, signal));
    expect(error).toMatchObject({ code: 'PeerFailed', hint: 'It has: one, two.' });
  });

  test('one that refuses what the API does not have is asked for no more than that', async () => {
    const bodies: Record<string, unknown>[] = [];
    const address = await serve((request, response, body) => {
      bodies.push(body);
      if ('ignore_eos' in body) return void response.writeHead(400).end('unknown field ignore_eos');
      whole(request, response, body);
    });
    const peer = await joinUrl({ name: 'peer', url: address, apiKey: '' }, signal);
    await peer.chat(BODY);
    expect(bodies.map((body) => 'ignore_eos' in body)).toEqual([true, false, false]);
    expect(bodies[2]).toMatchObject({ model: 'one', max_tokens: 3, temperature: 0, stream: true });
    await peer.close();
  });

  test('the key goes with every question', async () => {
    const keys: (string | undefined)[] = [];
    const address = await serve((request, response, body) => {
      keys.push(request.headers.authorization);
      whole(request, response, body);
    });
    const peer = await joinUrl({ name: 'peer', url: address, apiKey: 'secret' }, signal);
    await peer.close();
    expect(keys).toEqual(['Bearer secret']);
  });

  test.each<[string, Answer, RegExp]>([
    ['a status', (_request, response) => response.writeHead(500).end('out of luck'), /status 500: out of luck/],
    ['no event stream', (_request, response) => response.end('data: {"choices": 7}\n\n'), /no event of the chat API/],
    ['no JSON', (_request, response) => response.end('data: {"choices"\n\n'), /no event of the chat API/],
    [
      'an answer that breaks off',
      (_request, response) => {
        response.write(piece('a'));
        setTimeout(() => response.destroy(), 20);
      },
      /peer: .+/,
    ],
    ['an error in the stream', (_request, response) => response.end(event({ error: { message: 'it fell over' } })), /it fell over/],
  ])('%s is an error that names it', async (_what, chat, message) => {
    const error = await rejection(joinUrl({ name: 'peer', url: await serve(chat), apiKey: '' }, signal));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('PeerFailed');
  });

  test('where nobody listens, and what is no address, are errors of their own', async () => {
    const address = await serve(whole);
    open.splice(0).forEach((server) => server.close());
    expect(await rejection(joinUrl({ name: 'peer', url: address, apiKey: '' }, signal))).toMatchObject({ code: 'PeerFailed' });
    expect(() => new HttpEndpoint('http://', 'peer')).toThrow(/no address/);
  });

  test('an answer that nobody wants any more is cancelled', async () => {
    const address = await serve((_request, response) => void response.write(piece('a')));
    const endpoint = new HttpEndpoint(address, 'peer');
    const stop = new AbortController();
    const error = await rejection(endpoint.chat({}, { signal: stop.signal, onPiece: () => stop.abort() }));
    expect(error.code).toBe('Cancelled');
    await endpoint.close();
  });

  test('an answer without text counts until its end, and has no rate', () => {
    const silent = { sentAt: 10, times: [], endedAt: 40, completionTokens: 3 };
    expect([firstTokenMillis({ ...silent, text: '', promptTokens: 0, cachedTokens: 0 })]).toEqual([30]);
    expect(decodeRate({ ...silent, text: '', promptTokens: 0, cachedTokens: 0 })).toBeNull();
    const one = { ...silent, times: [20], text: 'a', promptTokens: 0, cachedTokens: 0 };
    expect(decodeRate(one)).toBe(100);
  });
});

describe('wishes for targets', () => {
  test.each([
    ['llama.cpp', 'InvalidRequest', /Wanted llama\.cpp=PATH/],
    ['llama.cpp=', 'InvalidRequest', /Wanted llama\.cpp=PATH/],
    ['vllm=/usr/bin/vllm', 'InvalidRequest', /Wanted llama\.cpp=PATH/],
    ['url=', 'InvalidRequest', /Wanted llama\.cpp=PATH/],
    ['url=nowhere', 'InvalidRequest', /Wanted llama\.cpp=PATH/],
    ['mlx-lm', 'InvalidRequest', /--peer-folder/],
  ])('%s is refused before anything starts', async (peer, code, hint) => {
    const error = await rejection(openTargets(wish({ target: '/nowhere.sock', peers: [peer] }), signal));
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
  });

  test('a build that is not there, and a model that is not, are named', async () => {
    expect(await rejection(openTargets(wish({ againstBuild: folder() }), signal))).toMatchObject({ code: 'PrerequisiteMissing' });
    expect(await rejection(openTargets(wish({ model: 'nothing-like-it' }), signal))).toMatchObject({ code: 'ModelNotFound' });
  });

  test('a daemon that does not run is an error that names its socket', async () => {
    const error = await rejection(openTargets(wish({ target: '/nowhere/semantic.sock' }), signal));
    expect(error).toMatchObject({ code: 'PeerFailed', message: expect.stringContaining('/nowhere/semantic.sock') as string });
  });
});

describe('a peer that is started', () => {
  /** After a target that answers, so that what was open is closed again. */
  const openWith = async (peers: readonly string[]) => {
    const models = { data: [{ id: 'one', context_length: 2048 }], pid: 1, version: '1', socket: '/nowhere' };
    const address = await serve(whole, models);
    const server = open.at(-1)!;
    const [answer] = server.listeners('request') as [(request: IncomingMessage, response: ServerResponse) => void];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/v1/admin/process') response.end(JSON.stringify(models));
      else answer(request, response);
    });
    return openTargets(wish({ target: address, peers, gguf: '/made-up.gguf', folder: tmpdir() }), signal);
  };

  test('a path without it', async () => {
    const error = await rejection(openWith([`llama.cpp=${folder()}`]));
    expect(error).toMatchObject({ code: 'PrerequisiteMissing', message: expect.stringContaining('no llama-server') as string });
  });

  test('a program that ends before it is ready: its last words are told', async () => {
    const path = join(folder(), 'llama-server');
    writeFileSync(path, '#!/bin/sh\necho "error: no such model $2" >&2\nexit 3\n');
    chmodSync(path, 0o755);
    const error = await rejection(openWith([`llama.cpp=${path}`]));
    expect(error).toMatchObject({ code: 'PeerFailed', message: expect.stringMatching(/ended with 3 before it was ready/) as string });
    expect(error.hint).toContain('no such model /made-up.gguf');
  });

  test('a file that is no program', async () => {
    const path = join(folder(), 'llama-server');
    writeFileSync(path, 'not a program');
    expect(await rejection(openWith([`llama.cpp=${path}`]))).toMatchObject({ code: 'PrerequisiteMissing' });
  });

  test('a Python that is not there, and one without mlx-lm', async () => {
    expect(await rejection(openWith(['mlx-lm=/nowhere/python']))).toMatchObject({ code: 'PrerequisiteMissing' });
    const python = join(folder(), 'python');
    writeFileSync(python, '#!/bin/sh\necho "No module named mlx_lm" >&2\nexit 1\n');
    chmodSync(python, 0o755);
    const error = await rejection(openWith([`mlx-lm=${python}`]));
    expect(error).toMatchObject({ code: 'PeerFailed', hint: expect.stringContaining('No module named mlx_lm') as string });
  });
});

test('SlowProxy lets everything through, whole and in order', async () => {
  const proxy = await SlowProxy.start(await serve(whole), 0.5);
  const peer = await joinUrl({ name: 'peer', url: proxy.address, apiKey: '' }, signal);
  expect(await peer.chat(BODY)).toMatchObject({ text: 'abc', completionTokens: 3 });
  await peer.close();
  await proxy.stop();
});
