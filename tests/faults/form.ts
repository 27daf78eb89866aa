/** `npm run test:faults` runs the long form; `npm test` the short one: the same cases, a seeded sample of them. */
export const IS_LONG = process.env['FAULTS_FORM'] === 'long';

/** All of `items`, or `short` of them spread over the list. */
export function sampled<T>(items: readonly T[], short: number): readonly T[] {
  if (IS_LONG || items.length <= short) return items;
  return Array.from({ length: short }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / short)]!);
}
