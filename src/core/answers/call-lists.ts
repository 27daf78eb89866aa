/** Several calls, one after another: as a JSON array or separated by a mark, or as Python. */
import type { AnswerEvent } from './answer-event.js';
import type { AnswerInput, Parsing } from './answer-input.js';
import { jsonCall, type JsonCallOptions } from './json-call.js';
import { parsePythonCalls } from './python-calls.js';

/**
 * `{...}`, `{...}; {...}` or `[{...}, {...}]`. Resolves to what was taken and is no call: text. Whitespace and brackets around calls are
 * dropped.
 */
export function* jsonCalls(input: AnswerInput, options: JsonCallOptions): Parsing<string> {
  let raw = yield* input.space();
  const isList = yield* input.takeMark('[');
  if (isList) raw += '[';
  const separator = isList ? ',' : ';';
  for (let isFirst = true; ; isFirst = false) {
    const space = yield* input.space();
    const call = yield* jsonCall(input, options);
    if (!call.isCall) return (isFirst ? raw : '') + space + call.raw;
    const after = yield* input.space();
    if (yield* input.takeMark(separator)) continue;
    if (isList) yield* input.takeMark(']');
    else if (!input.isOver) input.putBack(after);
    return '';
  }
}

/** Events of calls in Python, which are let out whole; null where `text` is none of them. */
export function pythonCallEvents(input: AnswerInput, text: string, names: ReadonlySet<string> | null): readonly AnswerEvent[] | null {
  const inner = /^\s*print\(([\s\S]*)\)\s*$/.exec(text)?.[1];
  const calls = parsePythonCalls(inner ?? text);
  if (calls === null || calls.some(({ name }) => names?.has(name) === false)) return null;
  return calls.flatMap(({ name, json }): AnswerEvent[] => {
    const index = input.nextCall();
    return [
      { type: 'call', index, name },
      { type: 'arguments', index, json },
      { type: 'call_end', index },
    ];
  });
}
