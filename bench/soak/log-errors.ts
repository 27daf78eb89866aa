/** What a daemon's log says of errors. */
import { readFileSync } from 'node:fs';

const ERROR_LEVEL = 50;

/** Lines of level error and above in pino's JSON, each text with how often it came. A line that a kill cut short is passed over. */
export function logErrors(files: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of files.flatMap((file) => readFileSync(file, 'utf8').split('\n'))) {
    const { level, msg } = parsed(line);
    if (typeof level === 'number' && level >= ERROR_LEVEL) counts.set(String(msg), (counts.get(String(msg)) ?? 0) + 1);
  }
  return Array.from(counts, ([message, count]) => `the log has ${count} x ${message}`);
}

function parsed(line: string): { readonly level?: unknown; readonly msg?: unknown } {
  try {
    return (JSON.parse(line) as { level?: unknown; msg?: unknown } | null) ?? {};
  } catch {
    return {};
  }
}
