/** What was recorded of real clients and of the vendors' APIs: tests/fixtures/wire. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

const FOLDER = new URL('../fixtures/wire/', import.meta.url);

export interface RecordedRequest {
  /** Folder and number, such as `cc-tool/001`. */
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> & { readonly messages: readonly Readonly<Record<string, unknown>>[] };
}

/** All of one path, in the order of their names. */
export function recordedRequests(path: string): RecordedRequest[] {
  const folders = readdirSync(new URL('requests/', FOLDER)).sort();
  const all = folders.flatMap((folder) =>
    readdirSync(new URL(`requests/${folder}/`, FOLDER))
      .sort()
      .map((file) => ({
        ...(JSON.parse(readFileSync(new URL(`requests/${folder}/${file}`, FOLDER), 'utf8')) as RecordedRequest),
        name: `${folder}/${file.replace('.json', '')}`,
      })),
  );
  return all.filter((request) => request.path.split('?')[0] === path);
}

export function recordedRequest(path: string, name: string): RecordedRequest {
  const found = recordedRequests(path).find((request) => request.name === name);
  if (found === undefined) throw new Error(`there is no recording ${name} of ${path}`);
  return found;
}

export function golden(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

/** Throws what of `value` is not as the schema of that name (`AMessage`, `AStreamEvent`, `AError`, `ACount`) has it. */
export function assertValid(schema: string, value: unknown): void {
  const validate = validators.get(schema) ?? compiled(schema);
  if (!validate(value))
    throw new Error(`not a valid ${schema}: ${ajv.errorsText(validate.errors).slice(0, 800)}\n${JSON.stringify(value)}`);
}

const ajv = new Ajv({ strict: false, allErrors: false });
const validators = new Map<string, ValidateFunction>();

function compiled(schema: string): ValidateFunction {
  const validate = ajv.compile(JSON.parse(readFileSync(new URL(`schemas/${schema}.schema.json`, FOLDER), 'utf8')) as object);
  validators.set(schema, validate);
  return validate;
}

export interface SseEvent {
  /** Of the line `event:`. */
  readonly event: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Events of a stream, comments left out. */
export function sseEvents(text: string): SseEvent[] {
  return text.split('\n\n').flatMap((part) => {
    const lines = part.split('\n');
    const data = lines.find((line) => line.startsWith('data: '))?.slice('data: '.length);
    const event = lines.find((line) => line.startsWith('event: '))?.slice('event: '.length) ?? null;
    return data === undefined || data === '[DONE]' ? [] : [{ event, data: JSON.parse(data) as Readonly<Record<string, unknown>> }];
  });
}
