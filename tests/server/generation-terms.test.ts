import { describe, expect, test } from 'vitest';
import { toTerms } from '../../src/server/generation/terms.js';

describe('toTerms()', () => {
  test('a request is interactive and has no deadline where nothing is said', () => {
    expect(toTerms({}, {})).toEqual({ priority: 'interactive', timeoutMs: null });
    expect(toTerms({ priority: null, timeout_ms: null }, {})).toEqual({ priority: 'interactive', timeoutMs: null });
  });

  test('headers say it for clients that cannot say it in the body, and the body counts more', () => {
    const headers = { 'x-semantic-priority': 'batch', 'x-semantic-timeout-ms': '1500' };
    expect(toTerms({}, headers)).toEqual({ priority: 'batch', timeoutMs: 1500 });
    expect(toTerms({ priority: 'interactive', timeout_ms: 20 }, headers)).toEqual({ priority: 'interactive', timeoutMs: 20 });
  });

  test.each([
    [{ 'x-semantic-priority': 'urgent' }, 'x-semantic-priority', 'x-semantic-priority: wanted "interactive" or "batch", got "urgent"'],
    [{ 'x-semantic-timeout-ms': '-5' }, 'x-semantic-timeout-ms', 'x-semantic-timeout-ms: wanted milliseconds from 1 to 86400000, got "-5"'],
    [{ 'x-semantic-timeout-ms': '0' }, 'x-semantic-timeout-ms', expect.stringContaining('x-semantic-timeout-ms: ')],
    [{ 'x-semantic-timeout-ms': '86400001' }, 'x-semantic-timeout-ms', expect.stringContaining('x-semantic-timeout-ms: ')],
  ])('%j is refused', (headers, param, message) => {
    expect(() => toTerms({}, headers)).toThrow(expect.objectContaining({ code: 'InvalidRequest', param, message }));
  });
});
