/** How clients name their conversations in headers (recordings: docs/adr/007-identity.md). The first that fits counts. */
export interface ClientHeaders {
  readonly client: string;
  /** Of one conversation, or of a tree of them. */
  readonly session: readonly string[];
  /** Of one conversation in the tree. */
  readonly agent?: string;
  /** Of the conversation that this one works for. */
  readonly parent?: string;
  /** An agent's name is its own in this session only: another session may have another agent of that name. */
  readonly namesAgentsPerSession?: boolean;
}

export const CLIENTS: readonly ClientHeaders[] = [
  {
    client: 'claude',
    session: ['x-claude-code-session-id'],
    agent: 'x-claude-code-agent-id',
    parent: 'x-claude-code-parent-agent-id',
    namesAgentsPerSession: true,
  },
  { client: 'codex', session: ['session-id'], agent: 'thread-id', parent: 'x-codex-parent-thread-id' },
  { client: 'opencode', session: ['x-session-id', 'x-session-affinity'], parent: 'x-parent-session-id' },
  { client: 'session', session: ['session_id'] }, // pi
];
