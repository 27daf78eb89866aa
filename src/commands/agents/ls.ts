import type { AgentBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';
import { agentTable } from './agent-table.js';

export default class AgentsLs extends DaemonCommand {
  static override summary = 'List the agents of the daemon, and whose requests make them; forks and sub-agents under what they came from.';
  static override examples = ['<%= config.bin %> agents ls', '<%= config.bin %> agents ls --json'];

  override async run(): Promise<{ readonly agents: readonly AgentBody[] }> {
    const { flags } = await this.parse(AgentsLs);
    const agents = await this.ask(flags, (daemon) => daemon.list());
    if (agents.length === 0) this.note('There are no agents. POST /v1/agents makes one.');
    else for (const line of agentTable(agents, Date.now() / 1000)) this.log(line);
    return { agents };
  }
}
