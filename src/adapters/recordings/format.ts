/** What a recording is: `manifest.json` and, line by line, `exchanges.jsonl` (docs/recordings.md). Times are milliseconds. */
import { z } from 'zod';
import { MISS_CAUSES } from '../../core/domain/cache-report.js';

export const RECORDING_FORMAT = 'semantic-recording';
export const RECORDING_VERSION = 1;
export const MANIFEST_FILE = 'manifest.json';
export const EXCHANGES_FILE = 'exchanges.jsonl';

const count = z.int().min(0);
const millis = z.number().min(0);
const headers = z.record(z.string(), z.string());

/** One answer that was generated for a request; with `n` or several prompts a request has several. */
export const generationSchema = z.object({
  model: z.string(),
  /** The one it was sampled with, 0..2^64-1 in decimal digits, whether or not the request said one. */
  seed: z.string().regex(/^\d{1,20}$/),
  temperature: z.number(),
  promptTokens: count,
  cachedTokens: count,
  source: z.enum(['memory', 'disk', 'none']),
  miss: z.enum(MISS_CAUSES).nullable(),
  /** The ids that were sampled; null where it did not come to its end. */
  tokens: z.array(z.int()).nullable(),
  reason: z.string().nullable(),
});
export type Generation = z.output<typeof generationSchema>;

/** An event of a stream. `at`: since its request arrived. */
const sentEventSchema = z.object({ at: millis, event: z.string().nullable(), data: z.string() });
export type SentEvent = z.output<typeof sentEventSchema>;

export const exchangeSchema = z.object({
  /** Counted from 1 in the order in which requests arrived; lines come in the order in which answers ended. */
  id: z.int().min(1),
  /** `x-request-id` of the answer; null where nobody gave it one. */
  requestId: z.string().nullable(),
  /** Requests of one API key have one number; 0 = without a key. The key itself is nowhere. */
  caller: count,
  /** The exchange whose answer this request's body holds, or goes on from. */
  predecessor: z.int().min(1).nullable(),
  method: z.string(),
  /** With its query. */
  path: z.string().startsWith('/'),
  headers,
  /** As it was parsed; null where there was none, or it was no JSON. */
  body: z.unknown(),
  /** Since the recording began. */
  at: millis,
  /** Null where the client went away before there was one, or none was recorded. */
  status: z.int().min(100).max(599).nullable(),
  answerHeaders: headers,
  /** Of an answer in one piece. */
  answer: z.unknown(),
  /** Of a stream. */
  events: z.array(sentEventSchema).nullable(),
  /** Until the first byte of the body, and until the last: since it arrived. Null where none was sent. */
  firstMs: millis.nullable(),
  totalMs: millis,
  usage: z.object({ promptTokens: count, cachedTokens: count, outputTokens: count }).nullable(),
  generations: z.array(generationSchema),
  /** The client went away: so many events had been written to it, so long after its request arrived. */
  cancelled: z.object({ afterEvents: count, at: millis }).nullable(),
  /** Its answer was longer than what is kept of one. */
  truncated: z.boolean(),
});
export type Exchange = z.output<typeof exchangeSchema>;

export const machineSchema = z.object({
  platform: z.string(),
  arch: z.string(),
  cpus: count,
  cpu: z.string(),
  memoryBytes: count,
  node: z.string(),
  /** What computed; null where nobody knows. */
  backend: z.string().nullable(),
});

export const manifestSchema = z.object({
  format: z.literal(RECORDING_FORMAT),
  version: z.literal(RECORDING_VERSION),
  /** Of the program that wrote it. */
  semantic: z.string(),
  /** Who recorded: a daemon of ours, or files of somebody else that were read in. */
  source: z.enum(['daemon', 'har', 'requests']),
  /** `recording`: it goes on, or who wrote it was killed; `full`: it reached its size; `failed`: it could not be written. */
  state: z.enum(['recording', 'complete', 'full', 'failed']),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** In memory when it began. */
  model: z.object({ name: z.string(), fingerprint: z.string(), contextLength: count }).nullable(),
  /** Settings that decide about answers and about what is found in the cache: `section.key`. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  redaction: z.object({
    /** Names of headers that are kept; `*` at the end stands for anything. */
    headers: z.array(z.string()),
    /** Regular expressions; what they match in bodies was replaced. */
    rules: z.array(z.string()),
  }),
  counts: z.object({
    exchanges: count,
    cancelled: count,
    /** Not in it: the disk was slower than what came. */
    dropped: count,
    /** Not in it: their answers were not complete when it ended. */
    unfinished: count,
  }),
  /** Of exchanges.jsonl. */
  bytes: count,
  machine: machineSchema.nullable(),
});
export type Manifest = z.output<typeof manifestSchema>;
export type ManifestHead = Pick<Manifest, 'semantic' | 'source' | 'model' | 'settings' | 'redaction' | 'machine'>;
