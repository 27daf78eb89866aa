import { describe, expect, test } from 'vitest';
import { Redaction } from '../../../src/adapters/recordings/redact.js';

describe('Redaction', () => {
  test('only headers that are listed are kept, and none whose name sounds like a secret', () => {
    const kept = new Redaction([]).headers({
      Authorization: 'Bearer s',
      'x-api-key': 's',
      cookie: 's',
      'x-goog-api-key': 's',
      'proxy-authorization': 's',
      'x-codex-token': 's',
      host: 'h',
      'Content-Type': 'application/json',
      'x-claude-code-session-id': 'one',
      'x-semantic-priority': 'batch',
      'session-id': 'two',
    });
    expect(kept).toEqual({
      'content-type': 'application/json',
      'x-claude-code-session-id': 'one',
      'x-semantic-priority': 'batch',
      'session-id': 'two',
    });
  });

  test('values of a query that sound like secrets are taken out', () => {
    expect(new Redaction([]).path('/v1/messages?beta=true&api_key=s&x=1')).toBe('/v1/messages?beta=true&api_key=[redacted]&x=1');
  });

  test('rules replace in every string of a body, however deep, and leave all else as it is', () => {
    const redaction = new Redaction(['sk-[a-z0-9]+', 'Meier']);
    const body = { messages: [{ content: [{ text: 'Mrs Meier has sk-abc9 and sk-1' }] }], n: 3, none: null };
    expect(redaction.json(body)).toEqual({
      messages: [{ content: [{ text: 'Mrs [redacted] has [redacted] and [redacted]' }] }],
      n: 3,
      none: null,
    });
    expect(redaction.event('{"delta":"Meier"}')).toBe('{"delta":"[redacted]"}');
    expect(redaction.event('[DONE] Meier')).toBe('[DONE] [redacted]');
  });

  test('without rules bodies are the same objects', () => {
    const body = { text: 'sk-abc' };
    expect(new Redaction([]).json(body)).toBe(body);
  });

  test('a rule that is no regular expression is told', () => {
    expect(() => new Redaction(['('])).toThrow(expect.objectContaining({ code: 'ConfigInvalid', message: expect.stringContaining('"("') }));
  });
});
