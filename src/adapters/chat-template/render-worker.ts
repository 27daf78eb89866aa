import type { MessagePort } from 'node:worker_threads';
import type * as Jinja from '@huggingface/jinja';
import type { RenderReply, RenderRequest, RenderWorkerData } from './render-messages.js';

interface WorkerThread {
  readonly parentPort: MessagePort | null;
  readonly workerData: RenderWorkerData;
}

/**
 * All that runs in the worker thread. Its text is what the thread is started with, the same from sources and from
 * dist/, so it must not touch anything outside itself but its parameters.
 */
export function renderWorker(
  { parentPort, workerData }: WorkerThread,
  load: (path: string) => unknown,
  makeInterpreter: (jinja: typeof Jinja) => typeof Jinja.Interpreter,
): void {
  const MAX_RANGE = 100_000; // as Jinja's sandbox
  const MONTHS = 'January February March April May June July August September October November December'.split(' ');
  const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
  const jinja = load(workerData.jinja) as typeof Jinja;
  const { Environment, Template } = jinja;
  const Interpreter = makeInterpreter(jinja);
  const port = parentPort!;
  const reply = (message: RenderReply) => port.postMessage(message);
  const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

  function strftime(format: string): string {
    const now = new Date();
    const pad = (n: number, width = 2) => String(n).padStart(width, '0');
    const month = MONTHS[now.getMonth()]!;
    const day = DAYS[now.getDay()]!;
    const fields: Record<string, string> = {
      Y: pad(now.getFullYear(), 4),
      y: pad(now.getFullYear() % 100),
      m: pad(now.getMonth() + 1),
      d: pad(now.getDate()),
      B: month,
      b: month.slice(0, 3),
      A: day,
      a: day.slice(0, 3),
      H: pad(now.getHours()),
      I: pad(now.getHours() % 12 || 12),
      M: pad(now.getMinutes()),
      S: pad(now.getSeconds()),
      p: now.getHours() < 12 ? 'AM' : 'PM',
      '%': '%',
    };
    return format.replace(/%(.)/g, (whole, name: string) => fields[name] ?? whole);
  }

  function range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    if (step === 0) throw new Error('range() arg 3 must not be zero');
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (length > MAX_RANGE) throw new Error(`range() of ${length} elements is too big: wanted at most ${MAX_RANGE}`);
    return Array.from({ length }, (_, i) => from + i * step);
  }

  function globals(): Jinja.Environment {
    const environment = new Environment();
    const values: Record<string, unknown> = { true: true, True: true, false: false, False: false, none: null, None: null };
    for (const [name, value] of Object.entries(values)) environment.set(name, value);
    environment.set('range', range);
    environment.set('strftime_now', strftime);
    environment.set('raise_exception', (message: unknown) => {
      throw new Error(String(message));
    });
    return environment;
  }

  let templates: { main: Jinja.Template; toolUse: Jinja.Template };
  try {
    const main = new Template(workerData.templates.default);
    templates = { main, toolUse: workerData.templates.toolUse === null ? main : new Template(workerData.templates.toolUse) };
  } catch (error) {
    reply({ kind: 'invalid', message: textOf(error) });
    return;
  }
  port.on('message', ({ id, toolUse, variables }: RenderRequest) => {
    try {
      const scope = new Environment(globals());
      for (const [name, value] of Object.entries(variables)) scope.set(name, value);
      const result = new Interpreter(scope).run((toolUse ? templates.toolUse : templates.main).parsed);
      reply({ kind: 'rendered', id, text: String(result.value) });
    } catch (error) {
      reply({ kind: 'failed', id, message: textOf(error) });
    }
  });
  reply({ kind: 'ready' });
}
