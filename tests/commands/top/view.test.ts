import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/commands/top/rows.js';
import { FIRST_VIEW, type Key, press, type View } from '../../../src/commands/top/view.js';
import { agent, sequence, snapshotOf } from './snapshot-of.js';

const rows = rowsOf(
  snapshotOf(
    [sequence(1, { agent: 'b' })],
    ['a', 'c', 'd'].map((id) => agent(id)),
  ),
); // by rate: b a c d
const after = (...keys: Key[]): View => keys.reduce<View>((view, key) => press(view, key, rows, 2)!, FIRST_VIEW);

describe('press()', () => {
  test('q leaves, from the table and from what is open', () => {
    expect(press(FIRST_VIEW, 'leave', rows, 2)).toBeNull();
    expect(press(after('enter'), 'leave', rows, 2)).toBeNull();
  });

  test('a sort key sorts, and again turns the order round; another one begins anew', () => {
    expect(after('kv')).toMatchObject({ sort: 'kv', reversed: false });
    expect(after('kv', 'kv')).toMatchObject({ sort: 'kv', reversed: true });
    expect(after('kv', 'kv', 'kv')).toMatchObject({ sort: 'kv', reversed: false });
    expect(after('kv', 'kv', 'name')).toMatchObject({ sort: 'name', reversed: false });
  });

  test('arrows choose in the order that is shown, and stop at both ends', () => {
    expect(after('down').chosen).toBe('agent a');
    expect(after('up').chosen).toBe('agent b');
    expect(after('pageDown').chosen).toBe('agent c');
    expect(after('pageDown', 'pageDown').chosen).toBe('agent d');
    expect(after('last', 'first').chosen).toBe('agent b');
    expect(after('name', 'down').chosen).toBe('agent b');
  });

  test('a chosen row that is gone leaves the choice to the first', () => {
    expect(press({ ...FIRST_VIEW, chosen: 'gone' }, 'enter', rows, 2)).toMatchObject({ opened: 'agent b' });
  });

  test('enter opens what is chosen, back and enter close it, arrows scroll it', () => {
    expect(after('down', 'enter')).toMatchObject({ opened: 'agent a', scroll: 0 });
    expect(after('down', 'enter', 'down', 'down', 'up')).toMatchObject({ opened: 'agent a', scroll: 1 });
    expect(after('down', 'enter', 'back')).toMatchObject({ opened: null, chosen: 'agent a' });
    expect(after('enter', 'enter').opened).toBeNull();
    expect(after('enter', 'kv').sort).toBe('rate');
  });

  test('nothing can be opened where there is nothing', () => {
    expect(press(FIRST_VIEW, 'enter', [], 2)).toEqual(FIRST_VIEW);
    expect(press(FIRST_VIEW, 'down', [], 2)).toMatchObject({ chosen: null });
  });
});
