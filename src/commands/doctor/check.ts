export interface Check {
  readonly name: string;
  /** `note`: worth knowing, nothing to fix. */
  readonly state: 'ok' | 'missing' | 'note';
  readonly detail: string;
  /** What to do about it; null where there is nothing to do. */
  readonly fix: string | null;
}

export const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail, fix: null });
export const note = (name: string, detail: string): Check => ({ name, state: 'note', detail, fix: null });
export const missing = (name: string, detail: string, fix: string): Check => ({ name, state: 'missing', detail, fix });
