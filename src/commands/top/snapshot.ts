/** What `semantic top` shows, and what `--json` writes: the daemon at one moment. */
import type { AdminClient } from '../../client/admin-client.js';
import type { AgentBody, AgentDetailBody } from '../../client/agent-bodies.js';
import type { AgentClient } from '../../client/agent-client.js';
import type { SchedulerBody } from '../../client/scheduler-bodies.js';

export interface Snapshot {
  /** Seconds since 1970. */
  readonly time: number;
  readonly daemon: {
    readonly pid: number;
    readonly version: string;
    readonly model: string;
    readonly uptime_seconds: number;
    /** Why nothing is admitted any more; null when all is well. */
    readonly fault: string | null;
    readonly resident_bytes: number;
    readonly budget_bytes: number;
    readonly weight_bytes: number;
  };
  readonly scheduler: SchedulerBody;
  readonly agents: readonly AgentBody[];
}

/** Where snapshots and agents come from. */
export interface Source {
  snapshot(): Promise<Snapshot>;
  agent(id: string): Promise<AgentDetailBody>;
}

export function daemonSource(admin: AdminClient, agents: AgentClient): Source {
  return {
    async snapshot() {
      const [status, scheduler, list] = await Promise.all([admin.status(), admin.scheduler(), agents.list()]);
      const { pid, version, uptimeSeconds, engine, native, memory } = status;
      return {
        time: Date.now() / 1000,
        daemon: {
          pid,
          version,
          model: engine.model,
          uptime_seconds: uptimeSeconds,
          fault: engine.fault,
          resident_bytes: memory.residentBytes,
          budget_bytes: memory.budgetBytes,
          weight_bytes: native.weightBytes,
        },
        scheduler,
        agents: list,
      };
    },
    agent: (id) => agents.show(id),
  };
}
