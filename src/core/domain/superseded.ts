/** Stored blocks that a newer one stands for: a conversation's last block, stored again with more tokens. */
import { commonPrefix } from './common-prefix.js';
import type { RestorableBlock } from './restore-plan.js';

/**
 * Those of `siblings` (blocks behind the same parent) whose tokens `block` begins with, and whose images it has too: an image is of all
 * tokens of its block, and can be cut to any of them.
 */
export function supersededBy(block: RestorableBlock, siblings: readonly RestorableBlock[]): readonly RestorableBlock[] {
  return siblings.filter(
    ({ tokens, kinds }) =>
      tokens.length < block.tokens.length &&
      commonPrefix(tokens, block.tokens) === tokens.length &&
      kinds.every((kind) => block.kinds.includes(kind)),
  );
}
