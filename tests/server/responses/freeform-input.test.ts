import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FreeformInput } from '../../../src/server/responses/freeform-input.js';

/** `cuts`: where the text is cut into pieces, as shares of its length. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const at = [0, ...cuts.map((cut) => Math.floor(cut * text.length)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => text.slice(at[i], end));
}

function read(parts: readonly string[]): string[] {
  const input = new FreeformInput();
  return [...parts.map((part) => input.push(part)), input.end()];
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe('FreeformInput', () => {
  test('gives the text whatever the pieces it comes in, and no half of a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), cuts, fc.boolean(), (text, at, isEscaped) => {
        let json = JSON.stringify({ input: text });
        if (isEscaped) json = json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
        const said = read(pieces(json, at));
        expect(said.join('')).toBe(text);
        if (isEscaped) for (const piece of said) expect(Buffer.from(piece).toString()).toBe(piece);
      }),
    );
  });

  test('lets the text out as it comes', () => {
    expect(read(['{ "input" :', ' "*** Beg', 'in\\', 'nPatch\\u00', 'e9"', '}'])).toEqual(['', '*** Beg', 'in', '\nPatch', 'é', '', '']);
  });

  test.each(['{"cmd": "ls"}', '{"input": 5}', '{}', 'nonsense', ''])('gives arguments of another form as they are: %s', (json) => {
    expect(read([...json]).join('')).toBe(json);
  });

  test('gives what there is of a text that is cut off', () => {
    expect(read(['{"input": "abc\\u00']).join('')).toBe('abc');
  });
});
