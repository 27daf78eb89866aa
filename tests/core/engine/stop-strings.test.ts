import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from '../../../src/core/engine/stop-strings.js';

/** Grows the text one character at a time and looks whether it ends in a stop string. */
function naive(text: string, stops: readonly string[]): { shown: string; stopped: boolean } {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => stop !== '' && text.slice(0, end).endsWith(stop));
    if (ending.length > 0) return { shown: text.slice(0, end - Math.max(...ending.map((stop) => stop.length))), stopped: true };
  }
  return { shown: text, stopped: false };
}

function run(pieces: readonly string[], stops: readonly string[]): { shown: string; stopped: boolean } {
  const matcher = new StopStrings(stops);
  let shown = '';
  for (const piece of pieces) {
    const step = matcher.push(piece);
    shown += step.text;
    if (step.stopped) return { shown, stopped: true };
  }
  return { shown: shown + matcher.flush(), stopped: false };
}

/** Every way to cut a text of up to 8 characters into pieces. */
function* chunkings(text: string): Generator<string[]> {
  for (let cuts = 0; cuts < 1 << Math.max(0, text.length - 1); cuts++) {
    const pieces: string[] = [];
    let start = 0;
    for (let i = 1; i <= text.length; i++) {
      if (i < text.length && ((cuts >> (i - 1)) & 1) === 0) continue;
      pieces.push(text.slice(start, i));
      start = i;
    }
    yield pieces;
  }
}

const letters = (min: number, max: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: min, maxLength: max });

describe('StopStrings', () => {
  it('agrees with a character-by-character search at every chunking', () => {
    fc.assert(
      fc.property(letters(0, 8), fc.array(letters(0, 4), { maxLength: 3 }), (text, stops) => {
        const expected = naive(text, stops);
        for (const pieces of chunkings(text)) expect(run(pieces, stops)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('agrees with the search on long texts cut at random', () => {
    fc.assert(
      fc.property(fc.array(letters(0, 9), { maxLength: 30 }), fc.array(letters(1, 7), { maxLength: 4 }), (pieces, stops) => {
        expect(run(pieces, stops)).toEqual(naive(pieces.join(''), stops));
      }),
    );
  });

  it('holds back no more than what can still become a stop string', () => {
    const matcher = new StopStrings(['\n\nUser:', 'END']);
    expect(matcher.push('Hello\n')).toEqual({ text: 'Hello', stopped: false });
    expect(matcher.push('\nUse')).toEqual({ text: '', stopped: false });
    expect(matcher.push('d it. EN')).toEqual({ text: '\n\nUsed it. ', stopped: false });
    expect(matcher.flush()).toBe('EN');
  });

  it('finds a stop string spread over several pieces and shows nothing of it', () => {
    const matcher = new StopStrings(['<|stop|>']);
    expect(['ok<', '|st', 'op|', '>tail'].map((piece) => matcher.push(piece))).toEqual([
      { text: 'ok', stopped: false },
      { text: '', stopped: false },
      { text: '', stopped: false },
      { text: '', stopped: true },
    ]);
  });

  it('shows nothing more once it has stopped', () => {
    const matcher = new StopStrings(['x']);
    matcher.push('ax');
    expect(matcher.push('more')).toEqual({ text: '', stopped: true });
    expect(matcher.flush()).toBe('');
  });

  it('lets everything through without stop strings, an empty one included', () => {
    expect(new StopStrings([]).push('abc')).toEqual({ text: 'abc', stopped: false });
    expect(new StopStrings(['']).push('abc')).toEqual({ text: 'abc', stopped: false });
  });
});
