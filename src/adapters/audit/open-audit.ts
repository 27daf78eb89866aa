import type { Config } from '../config/schema.js';
import { auditFile } from '../paths/paths.js';
import { AuditLog } from './audit-log.js';

const MB = 2 ** 20;

/** As configured; null where there is to be none. */
export function openAudit({ enabled, file, max_mb, retry_seconds }: Config['audit'], onRefused: (error: unknown) => void): AuditLog | null {
  if (!enabled) return null;
  return new AuditLog({ path: auditFile(file), maxBytes: max_mb * MB, retryMs: retry_seconds * 1000, onRefused });
}
