/** Starts tests/support/receive-otlp.js, and has what it received. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from './daemon.js';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly start: string;
  readonly end: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly at: string; readonly name: string }[];
  readonly status: { readonly message: string; readonly code: number } | null;
  readonly flags: number;
}

export interface ReceivedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly spans: readonly ReceivedSpan[];
  readonly undecodable?: string;
}

export interface OtlpReceiver {
  readonly port: number;
  readonly endpoint: string;
  readonly requests: () => readonly ReceivedRequest[];
  readonly spans: () => readonly ReceivedSpan[];
  stop(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('receive-otlp.js', import.meta.url));

/** `behaviour`: `ok`, `hang`, or the status that everything is answered with. */
export async function startReceiver(behaviour = 'ok', port = 0): Promise<OtlpReceiver> {
  const child = spawn(process.execPath, [SCRIPT, `${port}`, behaviour], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const lines = (): string[] =>
    out
      .slice(0, out.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1);
  const [first] = await until(lines, (said) => said.length > 0);
  const { port: taken } = JSON.parse(first!) as { port: number };
  const requests = (): ReceivedRequest[] =>
    lines()
      .slice(1)
      .map((line) => JSON.parse(line) as ReceivedRequest);
  return {
    port: taken,
    endpoint: `http://127.0.0.1:${taken}`,
    requests,
    spans: () => requests().flatMap(({ spans }) => spans),
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
