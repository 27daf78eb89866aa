/**
 * Text that arrives in pieces, for parsers that are written as if it were all there: generators, which yield the events they find, and
 * null where they need more. What may still become a mark is never let out in half.
 */
import { openEnd } from '../domain/open-end.js';
import type { AnswerEvent } from './answer-event.js';

/** Yields events; null asks for more text. */
export type Parsing<T = void> = Generator<AnswerEvent | null, T, void>;

export class AnswerInput {
  #text = '';
  #isOver = false;
  #calls = 0;

  add(text: string): void {
    this.#text += text;
  }

  finish(): void {
    this.#isOver = true;
  }

  /** Number of the next call of this answer. */
  nextCall(): number {
    return this.#calls++;
  }

  get isOver(): boolean {
    return this.#isOver && this.#text === '';
  }

  /** Whether all that came has been taken. */
  get isDry(): boolean {
    return this.#text === '';
  }

  /** The next character, left where it is; '' at the end. */
  *peek(): Parsing<string> {
    while (this.#text === '' && !this.#isOver) yield null;
    return this.#text.charAt(0);
  }

  take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  /** Puts back what turned out not to be what it looked like. */
  putBack(text: string): void {
    this.#text = text + this.#text;
  }

  /** Whitespace, taken. */
  *space(): Parsing<string> {
    let space = '';
    for (let next = yield* this.peek(); next !== '' && /\s/.test(next); next = yield* this.peek()) space += this.take(1);
    return space;
  }

  /** Takes `mark` if it comes next; else nothing. */
  *takeMark(mark: string): Parsing<boolean> {
    while (this.#text.length < mark.length && mark.startsWith(this.#text) && !this.#isOver) yield null;
    if (!this.#text.startsWith(mark)) return false;
    this.take(mark.length);
    return true;
  }

  /** Takes `mark` if it comes next, or as much of it as an answer has that was cut off. */
  *takeEndMark(mark: string): Parsing<boolean> {
    if (yield* this.takeMark(mark)) return true;
    if (this.#text === '' || !mark.startsWith(this.#text)) return false;
    this.#text = '';
    return true;
  }

  /**
   * Yields what comes before the first of `marks` as `type`, and takes that mark; null when the text ended without one. Whitespace is held
   * until it is known what follows: that before a mark is handed back with it.
   */
  *until(marks: readonly string[], type: 'text' | 'thinking'): Parsing<{ readonly mark: string; readonly space: string } | null> {
    for (;;) {
      const found = firstOf(this.#text, marks);
      if (found !== null) {
        const before = this.take(found.at);
        this.take(found.mark.length);
        const shown = before.trimEnd();
        if (shown !== '') yield { type, text: shown };
        return { mark: found.mark, space: before.slice(shown.length) };
      }
      const kept = this.#isOver ? 0 : openEnd(this.#text, marks);
      const free = this.#text.slice(0, this.#text.length - kept);
      const shown = this.#isOver || marks.length === 0 ? free : free.trimEnd();
      if (shown !== '') yield { type, text: this.take(shown.length) };
      if (this.#isOver) return null;
      yield null;
    }
  }

  /** What comes before `mark`, which is taken too, or before the end. */
  *whole(mark: string): Parsing<{ readonly text: string; readonly isEnded: boolean }> {
    while (!this.#text.includes(mark) && !this.#isOver) yield null;
    const at = this.#text.indexOf(mark);
    if (at < 0) return { text: this.take(this.#text.length), isEnded: false };
    const text = this.take(at);
    this.take(mark.length);
    return { text, isEnded: true };
  }
}

function firstOf(text: string, marks: readonly string[]): { readonly at: number; readonly mark: string } | null {
  let first: { readonly at: number; readonly mark: string } | null = null;
  for (const mark of marks) {
    const at = text.indexOf(mark);
    if (at >= 0 && (first === null || at < first.at || (at === first.at && mark.length > first.mark.length))) first = { at, mark };
  }
  return first;
}
