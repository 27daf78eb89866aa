/**
 * GPT-OSS's channels: `analysis` is thinking, `final` text, and a message that goes `to=functions.NAME` a call. Anything else a model
 * says on `commentary` is text too.
 */
import type { AnswerInput, Parsing } from './answer-input.js';
import { streamedJson } from './streamed-json.js';

const START = '<|start|>';
const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
const ENDS = ['<|end|>', '<|return|>', '<|call|>', START, CHANNEL];
const TOOL = /to=functions\.([A-Za-z0-9_.-]+)/;

export function* harmony(input: AnswerInput): Parsing {
  while ((yield* input.peek()) !== '') {
    if (yield* input.takeMark(START)) {
      yield* header(input, CHANNEL);
      continue;
    }
    const isHeader = yield* input.takeMark(CHANNEL);
    const head = isHeader ? yield* header(input, MESSAGE) : '';
    const tool = TOOL.exec(head)?.[1];
    if (tool !== undefined) yield* call(input, tool);
    else yield* input.until(ENDS, head.trimStart().startsWith('analysis') ? 'thinking' : 'text');
  }
}

/** Up to a mark, which is left where it is if it is `CHANNEL`: what is in between belongs to the head. */
function* header(input: AnswerInput, mark: string): Parsing<string> {
  const { text, isEnded } = yield* input.whole(mark);
  if (isEnded && mark === CHANNEL) {
    input.putBack(CHANNEL);
    // `<|start|>assistant to=functions.f<|channel|>commentary`: the recipient may stand before the channel.
    if (TOOL.test(text)) {
      input.take(CHANNEL.length);
      input.putBack(`${CHANNEL}${text} `);
    }
  }
  return text;
}

function* call(input: AnswerInput, name: string): Parsing {
  const index = input.nextCall();
  yield { type: 'call', index, name };
  yield* input.space();
  yield* streamedJson(input, index);
  yield { type: 'call_end', index };
  yield* input.space();
  for (const mark of ['<|call|>', '<|end|>', '<|return|>']) if (yield* input.takeMark(mark)) return;
}
