import { describe, expect, test } from 'vitest';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { assertWebhook, type WebhookRules } from '../../../src/server/jobs/assert-webhook.js';

const HERE = { hosts: [], mayLoopback: true };
const ELSEWHERE = { hosts: [], mayLoopback: false };
const LISTED = { hosts: ['Hooks.example.com', '[2001:db8::1]', '10.0.0.7'], mayLoopback: false };

function refusal(address: string, rules: WebhookRules): string | null {
  try {
    assertWebhook(address, rules);
    return null;
  } catch (error) {
    if (!(error instanceof SemanticError)) throw error;
    expect([error.code, error.param]).toEqual(['InvalidRequest', 'webhook']);
    return error.message;
  }
}

describe('assertWebhook()', () => {
  test.each(['http://127.0.0.1:9/x', 'https://localhost/', 'http://[::1]:80/', 'http://127.8.9.1/', 'http://2130706433/'])(
    'lets who is on this machine name %s, and nobody else',
    (address) => {
      expect(refusal(address, HERE)).toBeNull();
      expect(refusal(address, ELSEWHERE)).toContain('only those who ask from this machine');
    },
  );

  test.each(['https://hooks.example.com/a?b', 'http://HOOKS.example.com:8080/', 'http://[2001:db8::1]/', 'http://10.0.0.7/'])(
    'lets anybody name %s, which is listed',
    (address) => {
      expect(refusal(address, LISTED)).toBeNull();
      expect(refusal(address, HERE)).toContain('jobs.webhook_hosts');
    },
  );

  test.each([
    ['http://example.com/', 'jobs.webhook_hosts'],
    ['http://sub.hooks.example.com/', 'jobs.webhook_hosts'],
    ['http://hooks.example.com.evil.org/', 'jobs.webhook_hosts'],
    ['http://169.254.169.254/latest', 'jobs.webhook_hosts'],
    ['http://0.0.0.0/', 'jobs.webhook_hosts'],
    ['ftp://localhost/', 'http or https'],
    ['localhost:80', 'http or https'],
    ['', 'http or https'],
    ['http://user@localhost/', 'without a user'],
    ['http://:secret@localhost/', 'without a user'],
  ])('refuses %s', (address, said) => {
    expect(refusal(address, { ...LISTED, mayLoopback: true })).toContain(said);
  });
});
