/** Tells text, thinking and tool calls apart, whatever the pieces in which an answer comes. */
import type { AnswerEvent } from './answer-event.js';
import type { AnswerFormat, ToolSyntax } from './answer-format.js';
import { AnswerInput, type Parsing } from './answer-input.js';
import { jsonCalls, pythonCallEvents } from './call-lists.js';
import { harmony } from './harmony.js';
import { jsonCall } from './json-call.js';
import { mistralCalls } from './mistral-calls.js';

export interface AnswerOptions {
  readonly format: AnswerFormat;
  /** Of the tools there are; none = nothing is taken for a call. */
  readonly toolNames: ReadonlySet<string>;
  /** The prompt ended with the opening tag. */
  readonly startsThinking: boolean;
}

const FENCES = ['```tool_code', '```tool_call', '```json'];
const TAG = { open: '<tool_call>', close: '</tool_call>' };

/** Marks after which a call comes, and whether an answer may be calls from its first character on. */
const SYNTAX: Readonly<
  Record<Exclude<ToolSyntax, 'harmony'>, { readonly marks: readonly string[]; readonly bare: '' | '{' | '[' | '{[' }>
> = {
  hermes: { marks: [TAG.open], bare: '' },
  llama: { marks: ['<|python_tag|>'], bare: '{[' },
  pythonic: { marks: [], bare: '[' },
  mistral: { marks: ['[TOOL_CALLS]'], bare: '' },
  gemma: { marks: FENCES, bare: '{[' },
  json: { marks: [TAG.open, ...FENCES], bare: '{[' },
};

export class AnswerParser {
  readonly #input = new AnswerInput();
  readonly #parsing: Parsing;

  constructor(options: AnswerOptions) {
    this.#parsing = parse(this.#input, options);
  }

  push(text: string): AnswerEvent[] {
    this.#input.add(text);
    return this.#drain();
  }

  /** The answer is over: lets out what was held back. */
  end(): AnswerEvent[] {
    this.#input.finish();
    return this.#drain();
  }

  #drain(): AnswerEvent[] {
    const events: AnswerEvent[] = [];
    for (;;) {
      const { value, done } = this.#parsing.next();
      if (done === true || value === null) return events;
      events.push(value);
    }
  }
}

function* parse(input: AnswerInput, { format, toolNames, startsThinking }: AnswerOptions): Parsing {
  if (format.tools === 'harmony') return yield* harmony(input);
  const { thinking } = format;
  if (thinking !== null && startsThinking) yield* think(input, thinking.close);
  const { marks, bare } = toolNames.size === 0 ? { marks: [], bare: '' } : SYNTAX[format.tools];
  const all = thinking === null ? marks : [thinking.open, ...marks];
  let mayBeBare = bare !== '';
  while ((yield* input.peek()) !== '') {
    if (mayBeBare) yield* bareCalls(input, bare, toolNames);
    const found = yield* input.until(all, 'text');
    if (found === null) return;
    const { mark, space } = found;
    if (mark === thinking?.open) {
      yield* think(input, thinking.close);
      continue;
    }
    mayBeBare = false;
    const rest = yield* markedCalls(input, mark, toolNames);
    if (rest !== '') yield { type: 'text', text: space + rest };
  }
}

function* think(input: AnswerInput, close: string): Parsing {
  yield* input.space();
  yield* input.until([close], 'thinking');
  yield* input.space();
}

/** Resolves to text, if it was no call after all. */
function* markedCalls(input: AnswerInput, mark: string, names: ReadonlySet<string>): Parsing<string> {
  if (mark === '[TOOL_CALLS]') return yield* mistralCalls(input);
  if (mark === TAG.open) {
    const space = yield* input.space();
    const call = yield* jsonCall(input, { names: null });
    if (!call.isCall) return mark + space + call.raw;
    yield* input.space();
    if (yield* input.takeEndMark(TAG.close)) yield* input.space();
    return '';
  }
  if (mark === '<|python_tag|>') {
    const rest = yield* jsonCalls(input, { names: null });
    if (rest === '') return '';
    const whole = rest + (yield* input.whole('<|eom_id|>')).text;
    return yield* python(input, whole, names, whole);
  }
  const { text, isEnded } = yield* input.whole('```');
  const raw = mark + text + (isEnded ? '```' : '');
  const events = fencedCalls(input, text, names);
  if (events === null) return raw;
  yield* events;
  yield* input.space();
  return '';
}

function* python(input: AnswerInput, text: string, names: ReadonlySet<string>, raw: string): Parsing<string> {
  const events = pythonCallEvents(input, text, names);
  if (events === null) return raw;
  yield* events;
  return '';
}

/** Calls of known tools and nothing else: as JSON or as Python. A fence is a call only as a whole. */
function fencedCalls(input: AnswerInput, text: string, names: ReadonlySet<string>): readonly AnswerEvent[] | null {
  const inner = new AnswerInput();
  inner.add(text.trim());
  inner.finish();
  const events: AnswerEvent[] = [];
  const parsing = jsonCalls(inner, { names });
  let rest = '';
  for (let step = parsing.next(); ; step = parsing.next()) {
    if (step.done === true) {
      rest = step.value;
      break;
    }
    if (step.value !== null) events.push(step.value);
  }
  if (rest !== '' || !inner.isOver || events.length === 0) return pythonCallEvents(input, text, names);
  const numbers = new Map<number, number>();
  return events.map((event) => {
    if (!('index' in event)) return event;
    if (event.type === 'call') numbers.set(event.index, input.nextCall());
    return { ...event, index: numbers.get(event.index)! };
  });
}

const PYTHON_START = /^\[\s*[A-Za-z_][\w.-]*\s*\(/;
const PYTHON_START_PREFIX = /^\[\s*(?:[A-Za-z_][\w.-]*\s*)?$/;

/** An answer that is calls from the start. What is none goes back, and is text. */
function* bareCalls(input: AnswerInput, bare: string, names: ReadonlySet<string>): Parsing {
  const space = yield* input.space();
  const first = yield* input.peek();
  if (first === '' || !bare.includes(first)) return input.putBack(space);
  if (first === '[') {
    let start = '';
    while (PYTHON_START_PREFIX.test(start) || start === '') {
      const next = yield* input.peek();
      if (next === '') break;
      start += input.take(1);
      if (!PYTHON_START_PREFIX.test(start)) break;
    }
    input.putBack(start);
    if (PYTHON_START.test(start)) {
      const { text } = yield* input.whole('<|eom_id|>');
      const rest = yield* python(input, text, names, text);
      if (rest !== '') yield { type: 'text', text: space + rest };
      return;
    }
  }
  if (bare === '[') return input.putBack(space);
  const rest = yield* jsonCalls(input, { names });
  if (rest !== '') yield { type: 'text', text: space + rest };
}
