/** One JSON value, taken from the text; what of it has come is let out as arguments of a call before more is asked for. */
import type { AnswerInput, Parsing } from './answer-input.js';
import { JsonScanner } from './json-scanner.js';

export interface TakenJson {
  readonly text: string;
  /** False where it is no JSON, or does not end. */
  readonly isWhole: boolean;
}

/** `index` null: nothing is let out. The character that makes it no JSON stays. */
export function* streamedJson(input: AnswerInput, index: number | null): Parsing<TakenJson> {
  const scanner = new JsonScanner();
  let [text, shown] = ['', 0];
  while (scanner.state === 'open') {
    if (input.isDry && index !== null && shown < text.length) {
      yield { type: 'arguments', index, json: text.slice(shown) };
      shown = text.length;
    }
    const next = yield* input.peek();
    if (next === '') break;
    const mayEnd = scanner.mayEnd;
    if (scanner.push(next) === 'wrong') {
      if (index !== null && shown < text.length) yield { type: 'arguments', index, json: text.slice(shown) };
      return { text, isWhole: mayEnd };
    }
    text += input.take(1);
  }
  if (index !== null && shown < text.length) yield { type: 'arguments', index, json: text.slice(shown) };
  return { text, isWhole: scanner.mayEnd };
}
