/** Short names of contents, to compare what two processes have seen. */
import { createHash } from 'node:crypto';

/** @param {Uint8Array | string} bytes */
export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 24);

/** @param {import('../../../src/core/domain/agent.js').AgentContext} agent */
export const agentDigest = (agent) =>
  `${agent.id} ${digest(JSON.stringify(Object.entries({ ...agent, tokens: [...agent.tokens] }).sort(([a], [b]) => (a < b ? -1 : 1))))}`;

/** @param {Int32Array} tokens */
export const tokensDigest = (tokens) => digest(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));
