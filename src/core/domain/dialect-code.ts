/** Error codes as the OpenAI dialect spells them, both ways. */
import { ERROR_TABLE, type ErrorCode } from './errors.js';

/** Codes that clients of the dialect look for; all others are our own name in snake case. */
const SPECIAL: Partial<Record<ErrorCode, string>> = { PromptTooLong: 'context_length_exceeded', Unauthenticated: 'invalid_api_key' };

export function dialectCode(code: ErrorCode): string {
  return SPECIAL[code] ?? code.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** The code of the table that a dialect's `code` stands for; null for one that is not ours. */
export function codeFromDialect(code: string): ErrorCode | null {
  const codes = Object.keys(ERROR_TABLE) as ErrorCode[];
  return codes.find((candidate) => dialectCode(candidate) === code) ?? null;
}
