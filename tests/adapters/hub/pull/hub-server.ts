/** A real HTTP server that speaks the hub's routes, and a second one on another port that large files are redirected to. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'a'.repeat(40);
const REPOSITORY = 'owner/tiny';
const PAGE = 3; // files of one page of the list

export interface Asked {
  readonly server: 'hub' | 'store';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** What a test does to an answer: true where it has answered. */
export type Trouble = (asked: Asked, response: ServerResponse, number: number) => boolean;

export class HubServer {
  readonly files = new Map<string, { content: Buffer; lfs: boolean }>();
  readonly asked: Asked[] = [];
  trouble: Trouble = () => false;
  /** Milliseconds between chunks of 64 kB. */
  delayMs = 0;
  withRanges = true;
  /** Bytes of files that were written to sockets. */
  served = 0;
  /** What the store says of a file: changed by tests in the middle of a pull. */
  etag: (path: string) => string = (path) => `"${sha256(this.contentOf(path))}"`;
  /** What the list says of a file's hash. */
  claim: (path: string, hash: string) => string = (_path, hash) => hash;
  #hub!: Server;
  #store!: Server;

  static async start(): Promise<HubServer> {
    const hub = new HubServer();
    hub.#hub = createServer((request, response) => hub.#answer('hub', request, response));
    hub.#store = createServer((request, response) => hub.#answer('store', request, response));
    for (const server of [hub.#hub, hub.#store]) await once(server.listen(0, '127.0.0.1'), 'listening');
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get storeAddress(): string {
    return `http://127.0.0.1:${(this.#store.address() as AddressInfo).port}`;
  }

  add(path: string, content: Buffer | string, lfs = false): void {
    this.files.set(path, { content: Buffer.from(content), lfs });
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  contentOf(path: string): Buffer {
    return this.files.get(path)!.content;
  }

  #answer(server: Asked['server'], request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.endpoint);
    const asked = {
      server,
      path: decodeURIComponent(url.pathname),
      range: request.headers.range,
      authorization: request.headers.authorization,
    };
    this.asked.push(asked);
    if (this.trouble(asked, response, this.asked.length)) return;
    const under = `/api/models/${REPOSITORY}`;
    if (server === 'store') return void this.#send(asked, asked.path.slice(1), response);
    if (asked.path === `${under}/revision/main` || asked.path === `${under}/revision/v1`) return json(response, { sha: COMMIT });
    if (asked.path === `${under}/tree/${COMMIT}`) return this.#list(url, response);
    const resolve = `/${REPOSITORY}/resolve/${COMMIT}/`;
    const path = asked.path.startsWith(resolve) ? asked.path.slice(resolve.length) : '';
    const file = this.files.get(path);
    if (file === undefined) return void response.writeHead(404).end();
    if (!file.lfs) return void this.#send(asked, path, response);
    const hash = sha256(file.content);
    response.writeHead(302, { location: `${this.storeAddress}/${path}`, 'x-linked-etag': `"${hash}"`, 'x-repo-commit': COMMIT }).end();
  }

  #list(url: URL, response: ServerResponse): void {
    if (url.searchParams.get('recursive') !== 'true') return void response.writeHead(400).end();
    const cursor = Number(url.searchParams.get('cursor') ?? 0);
    const all = [
      { type: 'directory', path: 'onnx', oid: 'x' },
      ...[...this.files].map(([path, { content, lfs }]) => this.#entry(path, content, lfs)),
    ];
    url.searchParams.set('cursor', String(cursor + PAGE));
    if (cursor + PAGE < all.length) response.setHeader('link', `<${url.href}>; rel="next"`);
    json(response, all.slice(cursor, cursor + PAGE));
  }

  #entry(path: string, content: Buffer, lfs: boolean): object {
    const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
    if (!lfs) return { type: 'file', path, size: content.length, oid: this.claim(path, oid) };
    return {
      type: 'file',
      path,
      size: content.length,
      oid: 'b'.repeat(40),
      lfs: { oid: this.claim(path, sha256(content)), size: content.length },
    };
  }

  async #send(asked: Asked, path: string, response: ServerResponse): Promise<void> {
    const content = this.contentOf(path);
    const [, first, last] = (this.withRanges && /^bytes=(\d+)-(\d+)$/.exec(asked.range ?? '')) || [];
    const [from, to] = first === undefined ? [0, content.length - 1] : [Number(first), Math.min(Number(last), content.length - 1)];
    const headers: Record<string, string | number> = { etag: this.etag(path), 'content-length': to - from + 1 };
    if (first !== undefined) headers['content-range'] = `bytes ${from}-${to}/${content.length}`;
    response.writeHead(first === undefined ? 200 : 206, headers);
    for (let at = from; at <= to && !response.destroyed; at += 65_536) {
      const chunk = content.subarray(at, Math.min(at + 65_536, to + 1));
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      if (response.destroyed) return;
      this.served += chunk.length;
      response.write(chunk);
    }
    response.end();
  }
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
