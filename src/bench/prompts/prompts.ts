/** Prompts of about so many tokens. Every target gets the same text; no two seeds begin alike, so that nothing of one helps another. */
import { Seeded } from '../statistics/seeded.js';
import type { ChatBody, Streamed } from '../targets/stream-chat.js';

/** Short words: one token each for most tokenizers, so that a text has about the tokens it should, whichever are drawn. */
const WORDS = (
  'time year people way day man thing woman life child world school state family student group country problem hand part place case week ' +
  'company system program question work night point home water room mother area money story fact month lot right study book eye job word ' +
  'business issue side kind head house service friend father power hour game line end member law car city name team minute idea body'
).split(' ');

const CALIBRATION = [8, 40] as const;
/** Where the server does not count. */
const USUAL = { perWord: 1.2, overhead: 8 };

export class Prompts {
  constructor(
    /** Tokens of a word with its space, and of the template around the text. */
    private readonly perWord: number,
    private readonly overhead: number,
  ) {}

  /** Asks what texts of two lengths come to. */
  static async calibrate(ask: (body: ChatBody) => Promise<Pick<Streamed, 'promptTokens'>>): Promise<Prompts> {
    const counts: number[] = [];
    for (const words of CALIBRATION) {
      const { promptTokens } = await ask({ messages: [{ role: 'user', content: textOf(words, 1) }], maxTokens: 1, cache: false });
      counts.push(promptTokens);
    }
    const [few, many] = counts as [number, number];
    if (few === 0 || many <= few) return new Prompts(USUAL.perWord, USUAL.overhead);
    const perWord = (many - few) / (CALIBRATION[1] - CALIBRATION[0]);
    return new Prompts(perWord, Math.max(0, few - CALIBRATION[0] * perWord));
  }

  /** A text that makes a prompt of about so many tokens, as the only message. */
  text(tokens: number, seed: number): string {
    return textOf(Math.max(1, Math.floor((tokens - this.overhead) / this.perWord)), seed);
  }
}

/** The first word is a number that only this seed has. */
function textOf(words: number, seed: number): string {
  const random = new Seeded(seed);
  return [`${seed}`, ...Array.from({ length: words - 1 }, () => WORDS[random.below(WORDS.length)]!)].join(' ');
}
