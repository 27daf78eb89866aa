/** Sends the cases, some at a time, and gathers what was answered and what is wrong with it. */
import type { FuzzedDaemon } from './daemon/fuzzed-daemon.js';
import type { AnswerCheck } from './check/check-answer.js';
import { FORM } from './form.js';
import { type Material, type RequestCase, requestCase } from './generate/request-case.js';
import { type StreamCase, streamCase } from './generate/stream-case.js';
import { converse, type Heard, type Script } from './wire/converse.js';
import { readAnswers, shown } from './wire/read-answers.js';

/** A case that takes longer hangs. */
const PATIENCE_MS = 60_000;
/** More of them say no more. */
const MOST_FINDINGS = 20;
const SENT_SHOWN = 1_200;

/** An answer that comes before all is sent can be lost with a connection that was to be closed: what is sent after that resets it. */
function isSentAtOnce({ pieces }: Script): boolean {
  return pieces.length === 1 && pieces[0]!.length < 16_384;
}

export class FuzzRun {
  #findings: string[] = [];
  /** By route or kind: by status, how many. */
  readonly tally = new Map<string, Map<string, number>>();
  readonly #inFlight = new Map<object, string>();

  constructor(
    private readonly daemon: FuzzedDaemon,
    private readonly check: AnswerCheck,
  ) {}

  get isOver(): boolean {
    return this.daemon.death !== null || this.#findings.length >= MOST_FINDINGS;
  }

  /** Those since the last time. */
  takeFindings(): readonly string[] {
    const taken = this.#findings;
    this.#findings = [];
    return taken;
  }

  inFlight(): string {
    return [...this.#inFlight.values()].join('; ') || 'nothing was asked';
  }

  /** From `first` on. */
  async requests({ routes, file }: Material, first: number, count: number, lanes: number): Promise<void> {
    await this.#inLanes(first, count, lanes, async (number) => {
      const id = await this.daemon.idFor(routes[number % routes.length]!.path, number);
      const one = requestCase(FORM.seed, number, { routes, file }, id);
      const again = `--seed ${FORM.seed} --first ${number} --requests 1 --streams 0: ${one.name}`;
      const isDone = (bytes: Buffer): boolean => readAnswers(bytes, [one.method], false).answers.at(-1)?.isWhole === true;
      const heard = await this.#converse(one.script, again, isDone);
      const fault = this.#faultOfRequest(one, heard);
      if (fault !== null) this.#find(again, one.script, fault);
    });
  }

  async streams(first: number, count: number, lanes: number): Promise<void> {
    await this.#inLanes(first, count, lanes, async (number) => {
      const one = streamCase(FORM.seed, number);
      const again = `--seed ${FORM.seed} --first ${number} --requests 0 --streams 1: ${one.name} over ${one.script.door}`;
      const heard = await this.#converse(one.script, again, () => false);
      const fault = this.#faultOfStream(one, heard);
      if (fault !== null) this.#find(again, one.script, fault);
    });
  }

  #faultOfRequest(one: RequestCase, heard: Heard): string | null {
    const { answers, fault } = readAnswers(heard.bytes, [one.method], heard.hasEnded);
    const [answer] = answers;
    this.#count(one.name, answer === undefined ? (one.script.ending === 'wait' ? 'closed' : 'gone') : String(answer.status));
    if (this.daemon.death !== null) return this.daemon.death;
    if (heard.isLate) return `no answer in ${PATIENCE_MS} ms, but ${shown(heard.bytes)}`;
    if (fault !== null) return fault;
    if (answer === undefined) return one.script.ending === 'wait' && isSentAtOnce(one.script) ? 'closed without an answer' : null;
    if (!answer.isWhole) return one.script.ending === 'wait' ? `an answer that is cut: ${answer.status} ${shown(answer.body, 400)}` : null;
    return this.check.faultOf(answer, {
      dialect: one.dialect,
      isHead: one.method === 'HEAD',
      isHealth: one.target.startsWith('/health/'),
      door: one.script.door,
    });
  }

  #faultOfStream(one: StreamCase, heard: Heard): string | null {
    const { answers, fault } = readAnswers(heard.bytes, one.methods, heard.hasEnded);
    this.#count(one.name, answers.map(({ status }) => status).join('+') || (heard.hasEnded ? 'closed' : 'gone'));
    const said = answers.map(({ status, body }) => `${status} ${shown(body, 150)}`).join(', ');
    if (this.daemon.death !== null) return this.daemon.death;
    if (heard.isLate) return `still open after ${PATIENCE_MS} ms: ${shown(heard.bytes)}`;
    if (fault !== null) return fault;
    const { least, most } = one.answers;
    if (answers.length < least || answers.length > most) return `wanted ${least} to ${most} answers, got ${answers.length}: ${said}`;
    for (const answer of answers) {
      if (one.statuses !== null && !one.statuses.includes(answer.status)) return `wanted ${one.statuses.join(' or ')}, got ${said}`;
      const wrong = answer.isWhole
        ? this.check.faultOf(answer, { dialect: 'any', isHead: false, isHealth: false, door: one.script.door })
        : null;
      if (wrong !== null) return wrong;
    }
    return null;
  }

  async #converse(script: Script, name: string, isDone: (bytes: Buffer) => boolean): Promise<Heard> {
    this.#inFlight.set(script, name);
    const heard = await converse(this.daemon.door, script, isDone, PATIENCE_MS);
    this.#inFlight.delete(script);
    return heard;
  }

  #find(again: string, { pieces }: Script, fault: string): void {
    this.#findings.push(`npm run test:fuzz -- ${again}\n  ${fault}\n  sent ${shown(Buffer.concat(pieces), SENT_SHOWN)}`);
  }

  #count(name: string, status: string): void {
    const row = this.tally.get(name) ?? new Map<string, number>();
    row.set(status, (row.get(status) ?? 0) + 1);
    this.tally.set(name, row);
  }

  async #inLanes(first: number, count: number, lanes: number, work: (number: number) => Promise<void>): Promise<void> {
    let next = first;
    const lane = async (): Promise<void> => {
      while (next < first + count && !this.isOver) await work(next++);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }
}
