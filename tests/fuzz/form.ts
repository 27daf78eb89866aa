/** How much is done: `npm test` does a little, `npm run test:fuzz -- --requests N --streams N --seed S --first I` what it is told. */
const number = (name: string, otherwise: number): number => {
  const text = process.env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`[fuzz] ${name}: wanted a number from 0, got ${JSON.stringify(text)}`);
  return value;
};

export const FORM = {
  requests: number('FUZZ_REQUESTS', 300),
  streams: number('FUZZ_STREAMS', 60),
  seed: number('FUZZ_SEED', 1),
  /** The first case of each kind: with `requests` 1 it is the only one. */
  first: number('FUZZ_FIRST', 0),
} as const;

/** Whether there is enough of it to say that every route was answered, and that memory does not grow. */
export const IS_LONG = FORM.requests >= 2_000;
