/** What every case starts from: a home at rest with two agents and a fork, and what is right. Made once in each file of tests. */
import { agentOf, type Answers, begin, say, sayAll, sayUncached, sayWhole, type TurnName } from './conversation.js';
import { type FaultyDaemon, Home, type Turn } from './faulty-daemon.js';

export interface Base {
  readonly home: Home;
  /** Of an uncached run. */
  readonly answers: Answers;
  /** Prompt tokens that come from the disk when nothing is wrong: what was committed. */
  readonly cached: Readonly<Record<'a2' | 'b2' | 'c2', number>>;
}

export async function makeBase(): Promise<Base> {
  const answers = await uncachedAnswers();
  const home = new Home();
  const daemon = await home.start();
  const first = await begin(daemon);
  await daemon.settled();
  await daemon.stop();
  for (const name of ['a1', 'b1', 'c1'] as const) assertSame(name, first[name], answers);
  const again = new Home(home);
  const restarted = await again.start();
  const turns = await sayAll(restarted, ['a2', 'b2', 'c2']);
  await restarted.stop();
  again.remove();
  for (const name of ['a2', 'b2', 'c2'] as const) {
    assertSame(name, turns[name], answers);
    if (turns[name].cachedTokens < 250)
      throw new Error(`${name}: wanted its conversation from the disk, got ${turns[name].cachedTokens} tokens`);
  }
  return { home, answers, cached: { a2: turns.a2.cachedTokens, b2: turns.b2.cachedTokens, c2: turns.c2.cachedTokens } };
}

async function uncachedAnswers(): Promise<Answers> {
  const home = new Home();
  const daemon = await home.start({ SEMANTIC_STORE_ENABLED: 'false', SEMANTIC_MODEL_THREADS: '0' });
  try {
    return await sayUncached(daemon);
  } finally {
    await daemon.stop();
    home.remove();
  }
}

function assertSame(name: TurnName, turn: Turn, answers: Answers): void {
  const { tokens } = answers[name];
  if (turn.tokens.join('|') !== tokens.join('|'))
    throw new Error(`${name} says ${JSON.stringify(turn.tokens)}, uncached it is ${JSON.stringify(tokens)}`);
}

/** Collects what is wrong with the turns of one case. */
export class Findings {
  readonly problems: string[] = [];
  wrong = 0;
  restored = 0;
  committed = 0;

  constructor(private readonly base: Base) {}

  /** One turn: its tokens must be right; `committed`: prompt tokens that must come from the cache, or null where any number will do. */
  async say(daemon: FaultyDaemon, name: TurnName, committed: number | null): Promise<Turn | null> {
    return this.#hear(name, say(daemon, name), committed);
  }

  /** Where the damage has taken the agent, its client still has the conversation, and sends it whole. */
  async sayAnyhow(daemon: FaultyDaemon, name: TurnName): Promise<Turn | null> {
    const turns = await turnsOf(daemon, name);
    const turn = turns === Number(name[1]) - 1 ? say(daemon, name) : sayWhole(daemon, name, this.base.answers);
    return this.#hear(name, turn, null);
  }

  async #hear(name: TurnName, saying: Promise<Turn>, committed: number | null): Promise<Turn | null> {
    let turn: Turn;
    try {
      turn = await saying;
    } catch (error) {
      this.problems.push(`${name}: ${String(error)}`);
      return null;
    }
    const { tokens } = this.base.answers[name];
    const differing = tokens.filter((token, i) => token !== turn.tokens[i]).length;
    this.wrong += differing;
    if (differing > 0) this.problems.push(`${name}: ${differing} wrong tokens: ${turn.tokens.join('')} instead of ${tokens.join('')}`);
    if (committed !== null) this.#count(`${name}: cached tokens`, turn.cachedTokens, committed);
    return turn;
  }

  /** The next turns of all agents, whatever state the daemon is in. */
  async sayNext(daemon: FaultyDaemon, isRestored: boolean): Promise<void> {
    const { cached } = this.base;
    for (const name of ['a2', 'b2', 'c2'] as const) await this.say(daemon, name, isRestored ? cached[name] : null);
  }

  /** Tokens that were on disk for an agent, whether or not they come back. */
  expectCommitted(committed: number, restored: number): void {
    this.committed += committed;
    this.restored += Math.min(committed, restored);
  }

  check(isSo: boolean, problem: string): void {
    if (!isSo) this.problems.push(problem);
  }

  #count(what: string, got: number, wanted: number): void {
    this.expectCommitted(wanted, got);
    if (got < wanted) this.problems.push(`${what}: wanted ${wanted} or more, got ${got}`);
  }
}

/** How many turns an agent has had; null where it is not known. */
export async function turnsOf(daemon: FaultyDaemon, name: TurnName): Promise<number | null> {
  return daemon
    .call<{ readonly turns: number }>('GET', `/v1/agents/${agentOf(name)}`)
    .then(({ turns }) => turns)
    .catch(() => null);
}
