import { expect, test } from 'vitest';
import { FIRST_STEP, pressed, type StepView } from '../../src/commands/replay/step-view.js';

const SIZE = { steps: 3, lines: 30, page: 10 };
type Keys = Parameters<typeof pressed>[2];
const key = (name?: string): Keys => ({ ...(name === undefined ? {} : { [name]: true }) }) as unknown as Keys;
const after = (view: StepView, ...keys: string[]): StepView | null =>
  keys.reduce<StepView | null>((at, name) => {
    if (at === null) return null;
    return name.length === 1 ? pressed(at, name, key(), SIZE) : pressed(at, '', key(name), SIZE);
  }, view);

test('arrows and letters go forward and backward, and no further than there are steps', () => {
  expect(after(FIRST_STEP, 'rightArrow', 'n')).toEqual({ at: 2, scroll: 0 });
  expect(after(FIRST_STEP, 'rightArrow', 'n', ' ', 'return')).toEqual({ at: 2, scroll: 0 });
  expect(after(FIRST_STEP, 'end', 'leftArrow', 'p', 'p')).toEqual({ at: 0, scroll: 0 });
});

test('a step is scrolled within its lines, and another one begins at its top', () => {
  expect(after(FIRST_STEP, 'downArrow', 'pageDown', 'pageDown', 'pageDown')).toEqual({ at: 0, scroll: 20 });
  expect(after(FIRST_STEP, 'pageDown', 'upArrow')).toEqual({ at: 0, scroll: 9 });
  expect(after(FIRST_STEP, 'pageDown', 'n')).toEqual({ at: 1, scroll: 0 });
});

test('q and escape leave, also behind other letters that were typed before', () => {
  expect(after(FIRST_STEP, 'q')).toBe(null);
  expect(after(FIRST_STEP, 'escape')).toBe(null);
  expect(pressed(FIRST_STEP, 'nq', key(), SIZE)).toBe(null);
});
