/** Failures a user sees. `code` is a row of the error table (src/core/domain/errors.ts) or `StepFailed`, ours alone. */

/** Exit codes equal those of the error table; a test compares them. */
export const EXIT_CODES = Object.freeze({
  PrerequisiteMissing: 8,
  DownloadFailed: 5,
  HashMismatch: 5,
  DiskFull: 5,
  StepFailed: 10,
});

export class BootstrapError extends Error {
  /**
   * @param {keyof typeof EXIT_CODES} code
   * @param {string} message what was wanted and what was got
   * @param {{ hint?: string, log?: string, tail?: string, cause?: unknown }} [details] next step, log file, its last lines
   */
  constructor(code, message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'BootstrapError';
    this.code = code;
    this.hint = details.hint;
    this.log = details.log;
    this.tail = details.tail;
  }

  get exitCode() {
    return EXIT_CODES[this.code];
  }
}

/**
 * Says "disk full" where the system did; anything else passes unchanged.
 * @param {unknown} error
 * @param {string} directory where the bytes were to go
 * @returns {unknown}
 */
export function explainDiskFull(error, directory) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new BootstrapError('DiskFull', `[bootstrap] no space left while writing to ${directory}`, {
    hint: 'Free some space and run the same command again; what is complete is kept.',
    cause: error,
  });
}
