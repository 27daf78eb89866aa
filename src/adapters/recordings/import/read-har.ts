/** HAR 1.2, as browsers and proxies write it. */
import { z } from 'zod';
import { SemanticError } from '../../../core/domain/errors.js';
import { eventsOfFrame } from '../event-frame.js';
import type { SentEvent } from '../format.js';
import type { Foreign } from './foreign.js';

const headers = z.array(z.looseObject({ name: z.string(), value: z.string() }));
const harSchema = z.looseObject({
  log: z.looseObject({
    entries: z.array(
      z.looseObject({
        startedDateTime: z.iso.datetime({ offset: true }),
        time: z.number(),
        request: z.looseObject({
          method: z.string(),
          url: z.string(),
          headers,
          postData: z.looseObject({ text: z.string().optional() }).optional(),
        }),
        response: z.looseObject({
          status: z.number(),
          headers,
          content: z.looseObject({ text: z.string().optional(), encoding: z.string().optional() }).optional(),
        }),
        timings: z.looseObject({ wait: z.number() }).optional(),
      }),
    ),
  }),
});

type Entry = z.output<typeof harSchema>['log']['entries'][number];

/** Whether it says to be one. */
export function isHar(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'log' in json;
}

/** Throws FileDamaged with the field that is not as the format has it. */
export function readHar(json: unknown, file: string): Foreign[] {
  const parsed = harSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SemanticError('FileDamaged', `[recording] ${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
      hint: 'Wanted is HAR 1.2.',
    });
  }
  const { entries } = parsed.data.log;
  const began = Math.min(...entries.map(({ startedDateTime }) => Date.parse(startedDateTime)));
  return entries.map((entry) => foreign(entry, Date.parse(entry.startedDateTime) - began)).sort((a, b) => a.at - b.at);
}

function foreign({ request, response, time, timings }: Entry, at: number): Foreign {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  const totalMs = Math.max(0, time);
  const answerHeaders = byName(response.headers);
  const firstMs = Math.min(totalMs, Math.max(0, timings?.wait ?? totalMs));
  const { text = '', encoding } = response.content ?? {};
  const content = encoding === 'base64' ? Buffer.from(text, 'base64').toString('utf8') : text;
  const isStream = (answerHeaders['content-type'] ?? '').startsWith('text/event-stream');
  const isThere = response.status >= 100; // 0 = there was no answer
  return {
    method: request.method,
    path: pathname + search,
    headers: byName(request.headers),
    body: jsonOrNull(request.postData?.text ?? ''),
    at,
    status: isThere ? response.status : null,
    answerHeaders,
    answer: isStream || !isThere ? null : (jsonOrNull(content) ?? (content === '' ? null : content)),
    events: isStream ? eventsOf(content, firstMs) : null,
    firstMs: isThere ? firstMs : null,
    totalMs,
    wasLeft: !isThere,
  };
}

/** HAR has no times of single events. */
function eventsOf(content: string, at: number): SentEvent[] {
  const frames = content.replaceAll('\r\n', '\n').split('\n\n');
  return frames.flatMap((frame) => eventsOfFrame(frame, at));
}

function byName(list: readonly { readonly name: string; readonly value: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name.toLowerCase(), value]));
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
