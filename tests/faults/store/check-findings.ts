/** Holds what a store hands out against what was written. */
import { blockOf, imageOf, KINDS } from './contents.js';
import { agentDigest, digest, tokensDigest } from './digests.js';
import type { Findings } from './probe.js';
import { agentOf, type Contents, STEPS } from './workload.js';

const WRITTEN_AGENTS = new Set(STEPS.flatMap((step) => (step.do === 'agent' ? [agentDigest(agentOf(step.id, step.turn))] : [])));

export interface Verdict {
  /** Handed out and not what was written, of which there must be none. */
  readonly wrong: readonly string[];
  /** Acknowledged and not handed out. */
  readonly lost: readonly string[];
  /** Handed out without ever having been committed, or after it was deleted for good. */
  readonly unexpected: readonly string[];
  readonly restoredImages: number;
}

const BLOCKS = new Map(
  ['xa', 'xb', 'yc', 'zd'].flatMap((chain) => Array.from({ length: 8 }, (_, i) => blockOf(chain, i))).map((block) => [block.hash, block]),
);
const DIGESTS = new Map(
  [...BLOCKS.keys()].flatMap((hash) => KINDS.map((kind) => [`${hash}.${kind}`, digest(imageOf(hash, kind))] as [string, string])),
);

/**
 * `before`: what was acknowledged. `after`: what there would be if the step that was under way had been, too: it may have happened, in
 * part (a purge, two extents), or not.
 */
export function checkFindings(found: Findings, before: Contents, after: Contents): Verdict {
  const [wrong, lost, unexpected]: [string[], string[], string[]] = [[], [], []];
  const foundBlocks = new Map(found.blocks.map((block) => [block.hash, block]));
  let restoredImages = 0;
  for (const { hash, parent, index, tokens, fingerprint, images, owners } of found.blocks) {
    const block = BLOCKS.get(hash);
    if (!before.blocks.has(hash) && !after.blocks.has(hash)) unexpected.push(`block ${hash}`);
    if (block === undefined) continue;
    const isSame = block.parent === parent && block.index === index && tokensDigest(block.tokens) === tokens && fingerprint === 'faults-1';
    if (!isSame) wrong.push(`block ${hash}`);
    for (const [kind, bytes] of Object.entries(images)) {
      if (bytes === 'refused') continue;
      restoredImages++;
      if (DIGESTS.get(`${hash}.${kind}`) !== bytes) wrong.push(`image ${hash}.${kind}`);
    }
    for (const owner of owners)
      if (!isOwner(before, hash, owner) && !isOwner(after, hash, owner)) unexpected.push(`owner ${owner} of ${hash}`);
  }
  for (const [hash, owners] of before.blocks) {
    if (!after.blocks.has(hash)) continue;
    const block = foundBlocks.get(hash);
    for (const kind of KINDS) if ((block?.images[kind] ?? 'refused') === 'refused') lost.push(`image ${hash}.${kind}`);
    for (const owner of owners)
      if (isOwner(after, hash, owner) && block?.owners.includes(owner) !== true) lost.push(`owner ${owner} of ${hash}`);
  }
  const allowed = new Set([before, after].flatMap(({ agents }) => [...agents].map(([id, turn]) => agentDigest(agentOf(id, turn)))));
  for (const agent of found.agents) {
    if (!WRITTEN_AGENTS.has(agent)) wrong.push(`agent ${agent}`);
    else if (!allowed.has(agent)) unexpected.push(`agent ${agent}`);
  }
  for (const id of before.agents.keys())
    if (after.agents.has(id) && !found.agents.some((agent) => agent.startsWith(`${id} `))) lost.push(`agent ${id}`);
  return { wrong, lost, unexpected, restoredImages };
}

function isOwner({ blocks }: Contents, hash: string, owner: string): boolean {
  return blocks.get(hash)?.has(owner) === true;
}
