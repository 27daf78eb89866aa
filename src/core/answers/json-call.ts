/**
 * A call as a JSON object, `{"name": "f", "arguments": {...}}`, in any order of keys and with keys of no meaning to us besides. The
 * arguments are let out as they come once the name is known.
 */
import { isJson } from '../domain/is-json.js';
import type { AnswerInput, Parsing } from './answer-input.js';
import { streamedJson } from './streamed-json.js';

export interface JsonCallOptions {
  /** Which names make it a call; null = any. */
  readonly names: ReadonlySet<string> | null;
}

const ARGUMENT_KEYS = ['arguments', 'parameters'];

/** Everything that was taken; a call that was let out in part cannot be taken back. */
export interface JsonCall {
  readonly raw: string;
  /** It is no call: nothing was let out, and `raw` is text. */
  readonly isCall: boolean;
}

export function* jsonCall(input: AnswerInput, { names }: JsonCallOptions): Parsing<JsonCall> {
  const reader = new Reader(input);
  const notOne = (): JsonCall => ({ raw: reader.raw, isCall: false });
  if (!(yield* reader.takes('{'))) return notOne();
  let index: number | null = null;
  let name: string | null = null;
  let held: string | null = null;
  let isComplete = false;
  for (let isFirst = true; ; isFirst = false) {
    yield* reader.space();
    if (yield* reader.takes('}')) {
      isComplete = true;
      break;
    }
    if (!isFirst && !(yield* reader.takes(','))) break;
    yield* reader.space();
    const key = yield* reader.string();
    if (key === null) break;
    yield* reader.space();
    if (!(yield* reader.takes(':'))) break;
    yield* reader.space();
    if (key === 'name' && name === null) {
      name = yield* reader.string();
      if (name === null || names?.has(name) === false) return notOne();
      index = input.nextCall();
      yield { type: 'call', index, name };
      if (held !== null) yield { type: 'arguments', index, json: held };
    } else if (ARGUMENT_KEYS.includes(key) && held === null) {
      held = yield* argumentsOf(reader, index);
      if (held === null) break;
    } else if ((yield* reader.value(null)) === null) break;
  }
  if (index === null) return notOne();
  if (isComplete && held === null) yield { type: 'arguments', index, json: '{}' };
  yield { type: 'call_end', index };
  return { raw: reader.raw, isCall: true };
}

/** Let out as they come where `index` is known; else held. An object written as a string is what it says. Null = no JSON. */
function* argumentsOf(reader: Reader, index: number | null): Parsing<string | null> {
  if ((yield* reader.peek()) !== '"') return yield* reader.value(index);
  const text = yield* reader.string();
  const json = text === null || !isJson(text) ? null : text;
  if (json !== null && index !== null) yield { type: 'arguments', index, json };
  return json;
}

/** Takes characters, and remembers them. */
class Reader {
  raw = '';

  constructor(private readonly input: AnswerInput) {}

  peek(): Parsing<string> {
    return this.input.peek();
  }

  *takes(character: string): Parsing<boolean> {
    if ((yield* this.input.peek()) !== character) return false;
    this.raw += this.input.take(1);
    return true;
  }

  *space(): Parsing {
    this.raw += yield* this.input.space();
  }

  /** Null where no string comes, or it does not end. */
  *string(): Parsing<string | null> {
    if ((yield* this.peek()) !== '"') return null;
    const text = yield* this.value(null);
    return text === null ? null : (JSON.parse(text) as string);
  }

  /** Its text; let out piece by piece as arguments of call `index`. Null where it is none, or does not end. */
  *value(index: number | null): Parsing<string | null> {
    const { text, isWhole } = yield* streamedJson(this.input, index);
    this.raw += text;
    return isWhole ? text : null;
  }
}
