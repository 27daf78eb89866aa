/** What a client calls its conversation -> an id of ours. Two names never get the same one: it is them, or it ends with their hash. */
import { createHash } from 'node:crypto';
import { LOCAL_SCOPE } from '../../core/domain/agent.js';

export interface WireName {
  readonly scope: string;
  readonly client: string;
  /** The tree in which `name` is meant; null = it is meant everywhere. */
  readonly tree: string | null;
  readonly name: string;
}

const HASH_DIGITS = 16;
const SHOWN_CHARACTERS = 64;
const PLAIN = /^[A-Za-z0-9._-]{1,64}$/;
/** What an id that is not plain ends with. */
const HASHED = new RegExp(`\\.[0-9a-f]{${HASH_DIGITS}}$`);

/** `claude-1f0c...`: the name as it is where anybody can read it so; else what can be read of it, and a hash. */
export function wireAgentId({ scope, client, tree, name }: WireName): string {
  if (scope === LOCAL_SCOPE && tree === null && PLAIN.test(name) && !HASHED.test(name)) return `${client}-${name}`;
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, client, tree, name]))
    .digest('hex');
  return `${client}-${name.slice(0, SHOWN_CHARACTERS).replace(/[^A-Za-z0-9._-]/g, '_')}.${hash.slice(0, HASH_DIGITS)}`;
}
