import { expect, test } from 'vitest';
import { explainMiss } from '../../../src/commands/agents/explain-miss.js';
import { MISS_CAUSES } from '../../../src/core/domain/cache-report.js';

test('a changed text is shown as it was and as it is', () => {
  expect(explainMiss({ cause: 'edited_turn', token: 311, before: 'the capital of ', was: 'France', now: 'Spain' })).toBe(
    'Read again from token 311 on: a message of an earlier turn differs, or is gone. After "the capital of " there was "France", now there is "Spain".',
  );
});

test('what is gone is nothing, and line breaks stay on the line', () => {
  const text = explainMiss({ cause: 'tools_changed', token: 0, before: '', was: 'a\nb', now: '' });
  expect(text).toMatch(/There was "a\\nb", now there is nothing\.$/);
});

test.each(MISS_CAUSES)('%s has a sentence that says only what is known', (cause) => {
  const text = explainMiss({ cause, token: 0, before: '', was: '', now: '' });
  expect(text).toMatch(/^Read again from token 0 on: [a-z][^.]+\.$/);
});
