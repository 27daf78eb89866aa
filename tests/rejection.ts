import { SemanticError } from '../src/core/domain/errors.js';

/** The SemanticError a promise rejects with; fails the test when it resolves or rejects with anything else. */
export async function rejection(promise: Promise<unknown>): Promise<SemanticError> {
  const error: unknown = await promise.then(
    (value) => new Error(`wanted a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof SemanticError) return error;
  throw error;
}
