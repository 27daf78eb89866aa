/** What the keyboard sends, as keys of ours. */
import type { Key as InkKey } from 'ink';
import type { Key } from './view.js';

const LETTERS: Readonly<Record<string, Key>> = { q: 'leave', t: 'rate', k: 'kv', a: 'age', n: 'name' };
const SPECIAL: readonly (readonly [keyof InkKey, Key])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'pageUp'],
  ['pageDown', 'pageDown'],
  ['home', 'first'],
  ['end', 'last'],
  ['return', 'enter'],
  ['escape', 'back'],
  ['backspace', 'back'],
  ['leftArrow', 'back'],
  ['rightArrow', 'enter'],
];

/** Several, when they were typed before one was read; none for what means nothing here. */
export function keysOf(input: string, pressed: InkKey): Key[] {
  if (pressed.ctrl) return input === 'c' ? ['leave'] : [];
  const special = SPECIAL.find(([name]) => pressed[name]);
  if (special !== undefined) return [special[1]];
  return [...input].flatMap((letter) => LETTERS[letter] ?? []);
}
