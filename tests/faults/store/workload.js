/** The script that the store is run through, and what must be there after each of its steps. */
import { blockOf } from './contents.js';

/**
 * @typedef {{ readonly chain: string, readonly from: number, readonly to: number }} Range blocks `from` up to, not including, `to`
 * @typedef {(
 *   | { readonly do: 'store', readonly owner: string, readonly extents: readonly Range[] }
 *   | { readonly do: 'own', readonly owner: string, readonly blocks: Range }
 *   | { readonly do: 'agent', readonly id: string, readonly turn: number }
 *   | { readonly do: 'drop-agent', readonly id: string }
 *   | { readonly do: 'pin', readonly owner: string, readonly pinned: boolean }
 *   | { readonly do: 'disown', readonly owner: string }
 *   | { readonly do: 'purge', readonly owner: string }
 *   | { readonly do: 'close' }
 * )} Step
 */

/** Extents of several images, two at once, blocks in common, deletions that make the store rewrite what others keep. @type {readonly Step[]} */
export const STEPS = [
  { do: 'store', owner: 'a', extents: [{ chain: 'xa', from: 0, to: 3 }] },
  { do: 'agent', id: 'a', turn: 1 },
  { do: 'store', owner: 'b', extents: [{ chain: 'xb', from: 2, to: 5 }] },
  { do: 'own', owner: 'b', blocks: { chain: 'xb', from: 0, to: 2 } },
  { do: 'agent', id: 'b', turn: 1 },
  {
    do: 'store',
    owner: 'a',
    extents: [
      { chain: 'xa', from: 3, to: 5 },
      { chain: 'xa', from: 5, to: 7 },
    ],
  },
  { do: 'pin', owner: 'a', pinned: true },
  { do: 'agent', id: 'a', turn: 2 },
  { do: 'store', owner: 'c', extents: [{ chain: 'yc', from: 0, to: 4 }] },
  { do: 'own', owner: 'a', blocks: { chain: 'yc', from: 0, to: 2 } },
  { do: 'purge', owner: 'c' },
  { do: 'disown', owner: 'b' },
  { do: 'drop-agent', id: 'b' },
  { do: 'store', owner: 'd', extents: [{ chain: 'zd', from: 0, to: 2 }] },
  { do: 'agent', id: 'd', turn: 1 },
  { do: 'close' },
];

/**
 * What is in the store: owners of each block by its hash, turns of each agent by its id.
 * @typedef {{ readonly blocks: Map<string, Set<string>>, readonly agents: Map<string, number> }} Contents
 */

/** After the first `done` steps. @param {number} done */
export const contentsAfter = (done) => contentsOf(STEPS.slice(0, done));

/** After these steps, in this order. @param {readonly Step[]} steps @returns {Contents} */
export function contentsOf(steps) {
  /** @type {Contents} */
  const contents = { blocks: new Map(), agents: new Map() };
  for (const step of steps) apply(contents, step);
  return contents;
}

/** @param {Contents} contents @param {Step} step */
function apply({ blocks, agents }, step) {
  switch (step.do) {
    case 'store':
      for (const hash of step.extents.flatMap(hashesOf)) blocks.set(hash, (blocks.get(hash) ?? new Set()).add(step.owner));
      return;
    case 'own':
      for (const hash of hashesOf(step.blocks)) blocks.get(hash)?.add(step.owner);
      return;
    case 'agent':
      agents.set(step.id, step.turn);
      return;
    case 'drop-agent':
      agents.delete(step.id);
      return;
    case 'disown':
      for (const owners of blocks.values()) owners.delete(step.owner);
      return;
    case 'purge':
      for (const [hash, owners] of blocks) if (owners.delete(step.owner) && owners.size === 0) blocks.delete(hash);
      return;
    case 'pin':
    case 'close':
      return;
  }
}

/** @param {Range} range @returns {readonly string[]} */
export function hashesOf({ chain, from, to }) {
  return Array.from({ length: to - from }, (_, i) => blockOf(chain, from + i).hash);
}

/** @param {string} id @param {number} turn @returns {import('../../../src/core/domain/agent.js').AgentContext} */
export function agentOf(id, turn) {
  const text = `turn ${turn} of ${id}, with some more text than fits into a few bytes of a page: ${'lorem ipsum '.repeat(40 * turn)}`;
  return {
    id,
    scope: 'local',
    parent: null,
    createdAt: 1_000_000,
    usedAt: 1_000_000 + turn,
    messages: [{ role: 'user', content: text }],
    tools: [],
    tokens: Int32Array.from({ length: 300 * turn }, (_, i) => i),
    fingerprint: 'faults-1',
    turns: Array.from({ length: turn }, (_, i) => ({ messages: i + 1, tokens: 300 * (i + 1), at: 1_000_000 + i })),
    policy: { persist: 'disk', ttlSeconds: null, pinned: false, maxTokens: null },
    totals: { promptTokens: 10 * turn, cachedTokens: 0, completionTokens: turn },
    report: null,
  };
}
