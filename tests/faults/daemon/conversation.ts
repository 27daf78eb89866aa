/** What two agents and a fork of one are told, and what a model says that has nothing cached. */
import { type FaultyDaemon, GREEDY, type Turn } from './faulty-daemon.js';

export const SYSTEM = [
  'You are the archivist of a small harbour town and answer questions about its records.',
  'The harbour was built in 1742 by order of the council, after two winters in which storms had broken the old wooden pier.',
  'It has three basins: the north basin for fishing boats, the middle basin for ferries, and the south basin for ships that carry timber and salt.',
  'The lighthouse on the western mole burns since 1803; its keeper writes down wind, visibility and every ship that passes.',
  'In 1856 a railway reached the town, and a year later the first steam crane was put up on the quay of the south basin.',
  'The archive keeps the books of the council, the log of the lighthouse, the customs registers, and letters of captains and merchants.',
  'Registers are bound by year. Letters are filed by sender. Maps lie in flat drawers, the oldest of them from 1699.',
  'A fire in 1911 destroyed the customs registers of the years 1874 to 1879; copies of some pages exist in the capital.',
  'You write short sentences, give years as numbers, and never guess a name.',
].join('\n');

/** In an order in which each finds its history answered. */
const QUESTIONS = {
  a1: 'A visitor asks when the harbour was built, and what had happened to the pier before. Tell him in two sentences.',
  b1: 'A student wants to know when the railway reached the town, and what changed on the quays. Give her the years.',
  c1: 'The next visitor wants to see the customs register of 1876. Explain to him what happened to it.',
  a2: 'He also asks about the lighthouse: since when it burns, and what its keeper writes down.',
  b2: 'She now asks for the letters of merchants. Tell her how such letters are filed.',
  c2: 'He thanks you and asks for the oldest map. Tell him of what year it is, and where it lies.',
  a3: 'At last he wants a list of all years that you have named to him.',
} as const;

export type TurnName = keyof typeof QUESTIONS;
export type Turns = Readonly<Record<TurnName, Turn>>;

export const agentOf = (name: TurnName): string => name[0]!;

export function say(daemon: FaultyDaemon, name: TurnName): Promise<Turn> {
  return daemon.turn(agentOf(name), QUESTIONS[name]);
}

/** The first turns of all: two agents with one system prompt, and a fork. */
export async function begin(daemon: FaultyDaemon): Promise<Pick<Turns, 'a1' | 'b1' | 'c1'>> {
  for (const id of ['a', 'b']) await daemon.call('POST', '/v1/agents', { id, system: SYSTEM, persist: 'disk' });
  const [a1, b1] = [await say(daemon, 'a1'), await say(daemon, 'b1')];
  await daemon.call('POST', '/v1/agents/a/fork', { id: 'c' });
  return { a1, b1, c1: await say(daemon, 'c1') };
}

export async function sayAll<N extends TurnName>(daemon: FaultyDaemon, names: readonly N[]): Promise<Record<N, Turn>> {
  const turns: Partial<Record<N, Turn>> = {};
  for (const name of names) turns[name] = await say(daemon, name);
  return turns as Record<N, Turn>;
}

/** What was said before each, in the conversation it belongs to. */
const BEFORE: Readonly<Record<TurnName, readonly TurnName[]>> = {
  a1: [],
  b1: [],
  c1: ['a1'],
  a2: ['a1'],
  b2: ['b1'],
  c2: ['a1', 'c1'],
  a3: ['a1', 'a2'],
};

/** Text and tokens of each answer. */
export interface Answer {
  readonly text: string;
  readonly tokens: readonly string[];
}
export type Answers = Readonly<Record<TurnName, Answer>>;

/** A question with the whole conversation before it, as a client without an agent asks it. */
export async function sayWhole(
  daemon: FaultyDaemon,
  name: TurnName,
  answers: Partial<Answers>,
  options: { readonly cache_prompt?: boolean } = {},
): Promise<Answer & Turn> {
  const model = (await daemon.status()).engine.model;
  const history = BEFORE[name].flatMap((before) => [
    { role: 'user', content: QUESTIONS[before] },
    { role: 'assistant', content: answers[before]!.text },
  ]);
  const messages = [{ role: 'system', content: SYSTEM }, ...history, { role: 'user', content: QUESTIONS[name] }];
  const { choices, usage } = await daemon.call<Completion>('POST', '/v1/chat/completions', { model, messages, ...GREEDY, ...options });
  const { message, logprobs } = choices[0];
  return {
    text: message.content,
    tokens: logprobs.content.map(({ token }) => token),
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
    promptTokens: usage.prompt_tokens,
  };
}

/** All answers of a daemon that has nothing cached at all. */
export async function sayUncached(daemon: FaultyDaemon): Promise<Answers> {
  const answers: Partial<Record<TurnName, Answer>> = {};
  for (const name of Object.keys(QUESTIONS) as TurnName[]) {
    const { text, tokens, cachedTokens } = await sayWhole(daemon, name, answers, { cache_prompt: false });
    if (cachedTokens > 0) throw new Error(`${name} was to be uncached`);
    answers[name] = { text, tokens };
  }
  return answers as Answers;
}

interface Completion {
  readonly choices: readonly [
    { readonly message: { readonly content: string }; readonly logprobs: { readonly content: readonly { readonly token: string }[] } },
  ];
  readonly usage: { readonly prompt_tokens: number; readonly prompt_tokens_details: { readonly cached_tokens: number } };
}
