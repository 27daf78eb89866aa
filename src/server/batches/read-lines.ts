/** The file of a batch: a request in each line. All that is wrong is told, and then nothing of it runs. */
import { z } from 'zod';
import type { JobEndpoint } from '../../core/domain/job.js';
import type { BatchItem } from './batch-record.js';

export interface LineError {
  readonly code: string;
  readonly line: number | null;
  readonly message: string;
  readonly param: string | null;
}

export interface ReadBatch {
  readonly items: readonly BatchItem[];
  readonly errors: readonly LineError[];
}

const lineSchema = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal('POST', { error: 'wanted "POST"' }),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});

const MOST_ERRORS = 100;

export function readLines(text: string, endpoint: JobEndpoint): ReadBatch {
  const items: BatchItem[] = [];
  const errors: LineError[] = [];
  const names = new Set<string>();
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const wrong = (code: string, message: string, param: string | null = null): void =>
      void errors.push({ code, line: i + 1, message, param });
    const parsed = parseLine(line);
    if ('wrong' in parsed) wrong('invalid_json_line', parsed.wrong, parsed.param);
    else if (parsed.url !== endpoint) wrong('mismatched_url', `wanted ${endpoint}, got ${JSON.stringify(parsed.url.slice(0, 60))}`, 'url');
    else if (names.has(parsed.custom_id)) wrong('duplicate_custom_id', 'wanted a name that is there once', 'custom_id');
    else items.push({ customId: parsed.custom_id, body: parsed.body });
    if (!('wrong' in parsed)) names.add(parsed.custom_id);
    if (errors.length >= MOST_ERRORS) break;
  }
  if (items.length === 0 && errors.length === 0)
    errors.push({ code: 'empty_file', line: null, message: 'wanted a request in each line, got none', param: null });
  return { items, errors };
}

function parseLine(line: string): z.output<typeof lineSchema> | { readonly wrong: string; readonly param: string | null } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return { wrong: `not valid JSON: ${(error as Error).message}`, param: null };
  }
  const { success, data, error } = lineSchema.safeParse(json);
  if (success) return data;
  const issue = error.issues[0];
  return { wrong: issue?.message ?? 'not valid', param: issue?.path.map(String).join('.') ?? null };
}
