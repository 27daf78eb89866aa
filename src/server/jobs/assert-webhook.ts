/** Where the daemon may be told to send a word: this machine, for those who are on it, and hosts of the settings. */
import { isLoopback } from '../doors/loopback.js';
import { invalidField } from '../request-body.js';

export interface WebhookRules {
  /** `jobs.webhook_hosts`. */
  readonly hosts: readonly string[];
  /** The one who asks is on this machine: others must not reach what listens on its loopback. */
  readonly mayLoopback: boolean;
}

/** Throws InvalidRequest. */
export function assertWebhook(address: string, { hosts, mayLoopback }: WebhookRules): void {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw invalidField('webhook', `wanted an http or https address, got ${shown(address)}`);
  if (url.username !== '' || url.password !== '') throw invalidField('webhook', 'wanted an address without a user and a password in it');
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (hosts.some((allowed) => allowed.replace(/^\[|\]$/g, '').toLowerCase() === host)) return;
  if (isLoopback(host) && mayLoopback) return;
  const why = isLoopback(host) ? 'only those who ask from this machine may name it' : 'it is not listed in jobs.webhook_hosts';
  throw invalidField('webhook', `wanted a host that may be told, got ${shown(host)}: ${why}`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
