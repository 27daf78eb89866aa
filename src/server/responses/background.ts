/** Responses that are made while nobody listens (`background: true`): who asks later is told how far they are, or reads their events. */
import type { ConversationEvent } from '../../core/answers/answerer.js';
import { toSemanticError } from '../error-reply.js';
import type { ResponseStream, StreamEvent } from './stream-events.js';

export interface RunOptions {
  readonly scope: string;
  readonly stream: ResponseStream;
  readonly events: AsyncIterable<ConversationEvent>;
  /** Keeps what was sent, for those who read it later. */
  readonly isFollowed: boolean;
  readonly abort: () => void;
  /** Keeps the response as it stands. */
  readonly keep: (events: readonly StreamEvent[] | null) => void;
  readonly onError: (error: unknown) => void;
}

export class Run {
  readonly done: Promise<void>;
  readonly #log: StreamEvent[] | null;
  #wake: (() => void)[] = [];
  #isKept = true;

  constructor(private readonly options: RunOptions) {
    this.#log = options.isFollowed ? [] : null;
    this.#tell(options.stream.begin());
    options.keep(null);
    this.done = this.#listen();
  }

  get scope(): string {
    return this.options.scope;
  }

  get stream(): ResponseStream {
    return this.options.stream;
  }

  get isFollowed(): boolean {
    return this.#log !== null;
  }

  /** It ends here, with what it has. Resolves when it is kept so. */
  async cancel(): Promise<void> {
    this.#tell(this.options.stream.cancel());
    this.options.abort();
    await this.done;
  }

  /** Like `cancel`, and nothing of it is kept. */
  async discard(): Promise<void> {
    this.#isKept = false;
    await this.cancel();
  }

  /** Says that it goes on, to all who follow. */
  keepAlive(): void {
    if (!this.stream.isOver) this.#tell([this.stream.goesOn()]);
  }

  /** Events after that number, until there are no more or the reader is gone. */
  async *follow(after: number, gone: AbortSignal): AsyncGenerator<StreamEvent, void, undefined> {
    const log = this.#log ?? [];
    for (let at = 0; !gone.aborted;) {
      const event = log[at];
      if (event !== undefined) {
        at += 1;
        if (event.sequence_number > after) yield event;
      } else if (this.stream.isOver) return;
      else await this.#more(gone);
    }
  }

  async #listen(): Promise<void> {
    const { stream, events, keep, onError } = this.options;
    try {
      for await (const event of events) this.#tell(stream.take(event));
    } catch (thrown) {
      const error = toSemanticError(thrown, null);
      if (!stream.isOver && error.status >= 500) onError(thrown);
      this.#tell(stream.fail(error));
    }
    if (this.#isKept) keep(this.#log);
  }

  #tell(events: Iterable<StreamEvent>): void {
    for (const event of events) this.#log?.push(event); // told or not, the stream remembers
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #more(gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        gone.removeEventListener('abort', wake);
        resolve();
      };
      gone.addEventListener('abort', wake, { once: true });
      this.#wake.push(wake);
    });
  }
}

export class BackgroundResponses {
  readonly #runs = new Map<string, Run>();

  start(options: RunOptions): Run {
    const run = new Run(options);
    const { id } = options.stream;
    this.#runs.set(id, run);
    void run.done.finally(() => this.#runs.delete(id));
    return run;
  }

  /** Null where none of this id is being made in this scope. */
  find(scope: string, id: string): Run | null {
    const run = this.#runs.get(id);
    return run?.scope === scope ? run : null;
  }

  /** Resolves when none is being made any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }
}
