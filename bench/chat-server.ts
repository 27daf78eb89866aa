/** A server in a process of its own that speaks the Chat API. */
export interface ChatServer {
  readonly name: string;
  /** `http://host:port` */
  readonly base: string;
  readonly model: string;
  stop(): Promise<void>;
}

/** Until `url` is answered with a 2xx; throws when the server has ended before, as `ended` says. */
export async function untilReady(url: string, ended: () => string | null): Promise<void> {
  for (;;) {
    const ready = await fetch(url).then(
      ({ ok }) => ok,
      () => false, // nobody listens yet
    );
    if (ready) return;
    const end = ended();
    if (end !== null) throw new Error(`${url}: the server ended with ${end} before it was ready`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
