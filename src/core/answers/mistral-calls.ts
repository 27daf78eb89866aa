/** Mistral's calls behind `[TOOL_CALLS]`: a JSON array, or `NAME[ARGS]{...}` one after another. */
import type { AnswerInput, Parsing } from './answer-input.js';
import { jsonCalls } from './call-lists.js';
import { streamedJson } from './streamed-json.js';

const MARK = '[TOOL_CALLS]';
const ARGUMENTS = '[ARGS]';
const CALL_ID = '[CALL_ID]';

/** Resolves to text, if it was no call after all. */
export function* mistralCalls(input: AnswerInput): Parsing<string> {
  const space = yield* input.space();
  const first = yield* input.peek();
  if (first === '[' || first === '{') {
    const rest = yield* jsonCalls(input, { names: null });
    return rest === '' ? '' : MARK + space + rest;
  }
  let name = '';
  for (let next = first; /[\w.-]/.test(next); next = yield* input.peek()) name += input.take(1);
  if (name === '') return MARK + space;
  if (yield* input.takeMark(CALL_ID)) while (/[\w-]/.test(yield* input.peek())) input.take(1);
  const isMarked = yield* input.takeMark(ARGUMENTS);
  const gap = isMarked ? '' : yield* input.space();
  if (!isMarked && (yield* input.peek()) !== '{') return MARK + space + name + gap;
  const index = input.nextCall();
  yield { type: 'call', index, name };
  yield* input.space();
  yield* streamedJson(input, index);
  yield { type: 'call_end', index };
  return '';
}
