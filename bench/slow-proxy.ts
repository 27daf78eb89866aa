/** A proxy before a server that makes it slower by a share: whatever comes, comes later by so much of the time since the request. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export class SlowProxy {
  /** Requests that came. */
  asked = 0;

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  /** `slowdown`: 0.15 = what took 100 ms takes 115. */
  static async start(target: string, slowdown: number): Promise<SlowProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new SlowProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (from: IncomingMessage, to: ServerResponse) => {
      proxy.asked += 1;
      void relay(target, slowdown, from, to);
    });
    return proxy;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

async function relay(target: string, slowdown: number, from: IncomingMessage, to: ServerResponse): Promise<void> {
  const started = performance.now();
  const { method, url, headers } = from;
  const onward = request(new URL(url ?? '/', target), { method, headers });
  to.once('close', () => onward.destroy()); // who asked has gone
  try {
    from.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    to.writeHead(answer.statusCode ?? 502, answer.headers);
    // Chunks wait in a line of their own, so that waiting for one does not hold up when the next has come.
    let written = Promise.resolve();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const due = started + (performance.now() - started) * (1 + slowdown);
      written = written.then(async () => {
        await sleep(Math.max(0, due - performance.now()));
        to.write(chunk);
      });
    }
    await written;
    to.end();
  } catch {
    to.destroy(); // the server broke off, or nobody waits any more
  }
}
