import type { AgentContext } from '../../core/domain/agent.js';
import { agentOfRecord, agentRecord } from './agent-record.js';
import type { StoreRecord } from './records.js';
import type { StoreCore } from './store-core.js';

export interface AgentChange {
  readonly puts: ReadonlyMap<number, StoreRecord>;
  apply(): void;
}

export function planAgent(core: StoreCore, agent: AgentContext): AgentChange {
  const { agents } = core.catalogue;
  const row = agents.get(agent.id)?.row ?? core.newRow();
  const record = agentRecord(agent);
  const kept = agentOfRecord({ ...record, agent: structuredClone(record.agent) });
  return { puts: new Map([[row, record]]), apply: () => void agents.set(agent.id, { row, agent: kept }) };
}

/** Inside the turnstile. */
export async function putAgent(core: StoreCore, agent: AgentContext): Promise<void> {
  const change = planAgent(core, agent);
  await core.transact('agent', change.puts, []);
  change.apply();
}

/** Its messages and tokens are in no file afterwards. Inside the turnstile. */
export async function dropAgent(core: StoreCore, id: string): Promise<void> {
  const known = core.catalogue.agents.get(id);
  if (known === undefined) return;
  await core.transact('agent', new Map(), [known.row]);
  core.catalogue.agents.delete(id);
  await core.index.scrub().catch((error: unknown) => {
    throw core.refused('agent', error);
  });
}
