import { SemanticError } from '../../core/domain/errors.js';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h` is so long before `now`, else it is a date or a time; milliseconds since 1970. Throws InvalidRequest. */
export function parseSince(text: string, now: number): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const at = amount === undefined ? (/^\d{4}-/.test(text) ? Date.parse(text) : NaN) : now - Number(amount) * UNITS[unit!]!;
  if (!Number.isNaN(at)) return at;
  throw new SemanticError('InvalidRequest', `--since: wanted a date, a time or how long ago, got ${JSON.stringify(text)}`, {
    param: 'since',
    hint: 'Such as 2026-01-31, 2026-01-31T12:00:00Z, 30m, 2h or 7d.',
  });
}
