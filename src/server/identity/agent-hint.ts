/**
 * Which agent a request is a turn of, by what its client says, in this order: agent header, session header, `metadata.user_id`,
 * `prompt_cache_key`, `session_id`. What says nothing, or nonsense, is passed over: a hint never fails a request.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { AgentHint } from '../../core/domain/agent-hint.js';
import { CLIENTS, type ClientHeaders } from './clients.js';
import { metadataSession } from './metadata-session.js';
import { wireAgentId } from './wire-agent-id.js';

/** Of any dialect; nothing about them needs to be checked before. */
export interface HintFields {
  readonly metadata?: unknown;
  readonly prompt_cache_key?: unknown;
  readonly session_id?: unknown;
}

/** To be spread into a request: empty where nothing says whose it is. */
export function agentHint(headers: IncomingHttpHeaders, body: HintFields, scope: string): { readonly agent?: AgentHint } {
  const agent = fromHeaders(headers, scope) ?? fromBody(body, scope);
  return agent === null ? {} : { agent };
}

function fromHeaders(headers: IncomingHttpHeaders, scope: string): AgentHint | null {
  for (const row of CLIENTS) {
    const session = row.session.map((name) => said(headers[name])).find((value) => value !== null) ?? null;
    const agent = row.agent === undefined ? null : said(headers[row.agent]);
    const name = agent ?? session;
    if (name !== null) return inTree(row, { session, name, parent: row.parent === undefined ? null : said(headers[row.parent]) }, scope);
  }
  return null;
}

function inTree(
  { client, namesAgentsPerSession }: ClientHeaders,
  { session, name, parent }: { readonly session: string | null; readonly name: string; readonly parent: string | null },
  scope: string,
): AgentHint {
  const idOf = (of: string): string =>
    wireAgentId({ scope, client, tree: namesAgentsPerSession === true && of !== session ? session : null, name: of });
  const line = [session, parent].filter((of): of is string => of !== null && of !== name);
  return { id: idOf(name), ancestors: [...new Set(line)].map(idOf), client };
}

function fromBody({ metadata, prompt_cache_key: cacheKey, session_id: sessionId }: HintFields, scope: string): AgentHint | null {
  const named = [
    { client: 'claude', name: metadataSession(metadata) },
    { client: 'cache-key', name: said(cacheKey) },
    { client: 'session', name: said(sessionId) },
  ];
  const found = named.find(({ name }) => name !== null);
  if (found === undefined) return null;
  const { client, name } = found;
  return { id: wireAgentId({ scope, client, tree: null, name: name! }), ancestors: [], client };
}

/** Null where it says nothing. */
function said(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value.trim();
  return text === '' ? null : text;
}
