/** `npm run test:faults` runs the long form; `npm test` the short one: the same cases, a seeded sample of them. */
export const IS_LONG = process.env['FAULTS_FORM'] === 'long';

/** All of `items`; in the short form `short` of them, spread over the list. */
export function sampled<T>(items: readonly T[], short: number): readonly T[] {
  return IS_LONG ? items : spread(items, short);
}

/** At most `count` of them, spread over the list. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}
