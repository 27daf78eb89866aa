/**
 * SentencePiece BPE has no merges: it joins the pair whose joint token scores best. Written out as merges in the order
 * that Hugging Face's converter gives them: by score, then by the length of the left and of the right part, all descending.
 */
export function mergesFromScores(
  vocab: ReadonlyMap<string, number>,
  scores: ArrayLike<number>,
  isMergeable: (id: number) => boolean,
): [string, string][] {
  const found: Candidate[] = [];
  for (const [token, id] of vocab) {
    if (!isMergeable(id)) continue;
    const points = codePointStarts(token);
    if (points.length < 2) continue;
    const splits: Candidate[] = [];
    for (let i = 1; i < points.length; i++) {
      const [left, right] = [token.slice(0, points[i]), token.slice(points[i])];
      const [leftId, rightId] = [vocab.get(left), vocab.get(right)];
      if (leftId === undefined || rightId === undefined || !isMergeable(leftId) || !isMergeable(rightId)) continue;
      splits.push({ left, right, leftId, rightId, score: scores[id]!, lengths: i * LENGTH_STEP + points.length - i });
    }
    splits.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId);
    found.push(...splits);
  }
  found.sort((a, b) => b.score - a.score || b.lengths - a.lengths);
  return found.map(({ left, right }) => [left, right]);
}

interface Candidate {
  readonly left: string;
  readonly right: string;
  readonly leftId: number;
  readonly rightId: number;
  readonly score: number;
  /** left * LENGTH_STEP + right, in code points. */
  readonly lengths: number;
}

const LENGTH_STEP = 65_536;

function codePointStarts(token: string): number[] {
  const starts: number[] = [];
  for (let i = 0; i < token.length; i += token.codePointAt(i)! > 0xffff ? 2 : 1) starts.push(i);
  return starts;
}
