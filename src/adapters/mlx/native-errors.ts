import type { NativeError, NativeErrorCode } from '../../../native/index.js';
import { SemanticError, type ErrorCode } from '../../core/domain/errors.js';

const CODES: Readonly<Record<NativeErrorCode, ErrorCode>> = {
  ERR_INVALID_ARGUMENT: 'Internal', // ids and shapes come from us
  ERR_MODEL_FILE: 'ModelFileCorrupt',
  ERR_OUT_OF_MEMORY: 'OutOfMemory',
  ERR_ENGINE_CLOSED: 'ShuttingDown',
  ERR_KV_CORRUPT: 'CacheCorruption',
  ERR_IO: 'CachePersistence',
  ERR_BACKEND: 'EngineFailed',
};

/** Where the arguments are the user's own, a refused one is the user's error. */
export type ArgumentsFrom = 'user' | 'us';

/** Runs a native command; its `NativeError` becomes the table's error with the same message and the original as cause. */
export async function crossing<T>(argumentsFrom: ArgumentsFrom, command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw toSemanticError(error, argumentsFrom);
  }
}

export function toSemanticError(error: unknown, argumentsFrom: ArgumentsFrom): unknown {
  if (!isNativeError(error)) return error;
  const code = error.code === 'ERR_INVALID_ARGUMENT' && argumentsFrom === 'user' ? 'InvalidRequest' : CODES[error.code];
  return new SemanticError(code, error.message, { cause: error });
}

function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && Object.hasOwn(CODES, error.code);
}
