/** Reads what others have recorded into a recording of ours: a HAR file, a file with one request, or folders of such. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';
import type { Exchange } from '../format.js';
import { Predecessors } from '../predecessors.js';
import { KEPT_HEADERS, Redaction } from '../redact.js';
import { type RecordingStatus, RecordingWriter } from '../recording-writer.js';
import { type Foreign, isOfDialect } from './foreign.js';
import { isHar, readHar } from './read-har.js';
import { readRequests } from './read-requests.js';

export interface ImportOptions {
  readonly from: string;
  readonly to: string;
  /** Of this program. */
  readonly version: string;
  readonly redact: readonly string[];
}

export interface Imported extends RecordingStatus {
  /** Requests that no dialect knows. */
  readonly skipped: number;
}

/** Between two sessions that were recorded each by itself. */
const PAUSE_MS = 1_000;

/** Throws InvalidRequest where there is nothing to read, FileDamaged, RecordingConflict, RecordingFailed. */
export async function importRecording({ from, to, version, redact }: ImportOptions): Promise<Imported> {
  const redaction = new Redaction(redact);
  const { source, sessions } = await readSessions(from);
  const all = inOneRow(sessions);
  const wanted = all.filter(({ path }) => isOfDialect(path));
  if (wanted.length === 0) throw nothing(from, `${all.length} requests, none of them of a dialect`);
  const head = {
    semantic: version,
    source,
    model: null,
    settings: {},
    redaction: { headers: [...KEPT_HEADERS], rules: redaction.rules },
    machine: null,
  };
  const writer = await RecordingWriter.create(to, head, { maxBytes: Infinity });
  const predecessors = new Predecessors();
  const callers = new Map<string, number>();
  for (const [i, foreign] of wanted.entries()) {
    const exchange = toExchange(foreign, i + 1, callers);
    const predecessor = predecessors.find(exchange);
    predecessors.answered(exchange);
    writer.add({ ...redacted(exchange, redaction), predecessor });
    await writer.settled();
  }
  const status = await writer.close(0);
  if (status.state === 'failed') throw new SemanticError('RecordingFailed', `[recording] cannot write to ${to}: ${status.reason}`);
  return { ...status, skipped: all.length - wanted.length };
}

interface Sessions {
  readonly source: 'har' | 'requests';
  readonly sessions: readonly (readonly Foreign[])[];
}

async function readSessions(from: string): Promise<Sessions> {
  const isFolder = (await stat(from).catch((error: Error) => Promise.reject(nothing(from, error.message)))).isDirectory();
  const files = isFolder ? await jsonFilesIn(from) : [from];
  if (files.length === 0) throw nothing(from, 'a folder without .json or .har files');
  const read = await Promise.all(files.map(async (name) => ({ name, json: parse(await readFile(name, 'utf8'), name) })));
  const hars = read.filter(({ json }) => isHar(json));
  if (hars.length === read.length) return { source: 'har', sessions: hars.map(({ json, name }) => readHar(json, name)) };
  const folders = [...new Set(read.map(({ name }) => dirname(name)))];
  return { source: 'requests', sessions: folders.map((folder) => readRequests(read.filter(({ name }) => dirname(name) === folder))) };
}

async function jsonFilesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => /\.(?:json|har)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** One session behind another. */
function inOneRow(sessions: readonly (readonly Foreign[])[]): Foreign[] {
  let begins = 0;
  return sessions.flatMap((session) => {
    const [first, offset] = [session[0]?.at ?? 0, begins];
    begins += Math.max(0, ...session.map(({ at, totalMs }) => at + totalMs - first)) + PAUSE_MS;
    return session.map((foreign) => ({ ...foreign, at: foreign.at - first + offset }));
  });
}

function toExchange(foreign: Foreign, id: number, callers: Map<string, number>): Omit<Exchange, 'predecessor'> {
  const { wasLeft, ...known } = foreign;
  const key = foreign.headers['x-api-key'] ?? foreign.headers['authorization'];
  if (key !== undefined && !callers.has(key)) callers.set(key, callers.size + 1);
  return {
    ...known,
    id,
    requestId: null,
    caller: key === undefined ? 0 : callers.get(key)!,
    usage: null,
    generations: [],
    cancelled: wasLeft ? { afterEvents: foreign.events?.length ?? 0, at: foreign.totalMs } : null,
    truncated: false,
  };
}

function redacted(exchange: Omit<Exchange, 'predecessor'>, redaction: Redaction): Omit<Exchange, 'predecessor'> {
  return {
    ...exchange,
    path: redaction.path(exchange.path),
    headers: redaction.headers(exchange.headers),
    answerHeaders: redaction.headers(exchange.answerHeaders),
    body: redaction.json(exchange.body),
    answer: redaction.json(exchange.answer),
    events: exchange.events?.map((event) => ({ ...event, data: redaction.event(event.data) })) ?? null,
  };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SemanticError('FileDamaged', `[recording] ${file}: it is no JSON: ${(cause as Error).message}`, { cause });
  }
}

function nothing(from: string, what: string): SemanticError {
  return new SemanticError('InvalidRequest', `[recording] wanted a HAR file, or requests in JSON files, got ${from}: ${what}`);
}
