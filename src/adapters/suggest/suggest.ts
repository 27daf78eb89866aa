import { distance } from 'fastest-levenshtein';

/** "Did you mean x?" for a name that is nearly one we know; null where nothing is near. */
export function suggest(wanted: string, known: readonly string[]): string | null {
  let best: { readonly name: string; readonly edits: number } | null = null;
  for (const name of known) {
    const edits = distance(wanted.toLowerCase(), name.toLowerCase());
    if (best === null || edits < best.edits) best = { name, edits };
  }
  // A third of the letters may differ: enough for a typo or a missing suffix, too little for another word.
  if (best === null || best.edits > Math.max(2, best.name.length / 3)) return null;
  return `Did you mean ${best.name}?`;
}
