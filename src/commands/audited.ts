/** What a command changes by itself, without a daemon, is in the audit log too. */
import type { Config } from '../adapters/config/schema.js';
import { codeOf } from '../core/domain/errors.js';

export interface AuditedWork<T> {
  readonly action: string;
  /** What it is done to, as far as it is known before. */
  readonly target: string | null;
  /** What it was done to. */
  readonly done?: (result: T) => string;
  /** Where it is said that nothing could be recorded. */
  readonly note: (text: string) => void;
}

/** Runs `work`. That it cannot be recorded is told and does not undo it. */
export async function audited<T>(settings: Config['audit'], what: AuditedWork<T>, work: () => Promise<T>): Promise<T> {
  const { action, target, done, note } = what;
  const { openAudit } = await import('../adapters/audit/open-audit.js');
  const log = openAudit(settings, (error) => note(`This could not be recorded in the audit log: ${(error as Error).message}`));
  const record = async (outcome: string, on: string | null): Promise<void> => {
    await log?.record({ actor: `command:${process.getuid?.() ?? 'unknown'}`, action, target: on, outcome, request: null });
    await log?.close();
  };
  try {
    const result = await work();
    await record('ok', done?.(result) ?? target);
    return result;
  } catch (error) {
    await record(codeOf(error), target);
    throw error;
  }
}
