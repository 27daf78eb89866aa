/** Requests with a wrong key: the first one of an address is recorded at once, those that follow are counted and recorded once a minute. */
import type { AuditEvent } from './audit-event.js';

const MINUTE_MS = 60_000;
/** Addresses that are counted by themselves; the rest is counted together. */
const MAX_ACTORS = 16;
const OTHERS = 'others';

interface Count {
  more: number;
  last: string;
}

export class RefusedKeys {
  readonly #counts = new Map<string, Count>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly record: (event: AuditEvent) => void,
    private readonly windowMs = MINUTE_MS,
  ) {}

  /** `target`: what was asked for. */
  note({ actor, target, request }: { readonly actor: string; readonly target: string; readonly request: string }): void {
    const known = this.#counts.has(actor) || this.#counts.size < MAX_ACTORS ? actor : OTHERS;
    const count = this.#counts.get(known);
    if (count !== undefined) {
      count.more += 1;
      count.last = target;
      return;
    }
    this.#counts.set(known, { more: 0, last: target });
    this.record(event(known, target, request, 1));
    this.#timer ??= setInterval(() => this.tell(), this.windowMs).unref();
  }

  /** Records what was counted since the last time. */
  tell(): void {
    for (const [actor, { more, last }] of [...this.#counts]) {
      this.#counts.delete(actor);
      if (more === 0) continue;
      this.record(event(actor, last, null, more));
      this.#counts.set(actor, { more: 0, last }); // it goes on: the next one is counted
    }
    if (this.#counts.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What was counted is recorded now. */
  close(): void {
    this.tell();
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}

function event(actor: string, target: string, request: string | null, count: number): AuditEvent {
  return { actor, action: 'key.refused', target, outcome: 'Unauthenticated', request, detail: { count } };
}
