import { Args, Flags } from '@oclif/core';
import type { AgentBody, AgentDetailBody } from '../../client/agent-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import { assertCanAsk, confirm, destroyFlags } from '../confirm.js';
import { DaemonCommand } from '../daemon-command.js';
import { formatCount } from '../format/count.js';

type Target = { readonly turns: number } | { readonly messages: number };

export interface RewoundAgent {
  readonly dryRun: boolean;
  /** As it is afterwards; with --dry-run as it stays. */
  readonly agent: AgentBody;
}

export default class AgentsRewind extends DaemonCommand {
  static override summary = 'Take an agent back by some turns, or to its first messages.';
  static override description = 'What came after is forgotten. Fork first to keep it.';
  static override examples = [
    '<%= config.bin %> agents rewind research',
    '<%= config.bin %> agents rewind research --turns 3 --force',
    '<%= config.bin %> agents rewind research --messages 5 --dry-run',
  ];
  static override args = { id: Args.string({ required: true, description: 'Id of the agent' }) };
  static override flags = {
    ...destroyFlags,
    turns: Flags.integer({ description: 'Turns to go back (1)', min: 1, helpValue: 'n', exclusive: ['messages'] }),
    messages: Flags.integer({ description: 'Messages to keep', min: 0, helpValue: 'n' }),
  };

  override async run(): Promise<RewoundAgent> {
    const { args, flags } = await this.parse(AgentsRewind);
    assertCanAsk(flags);
    const to = flags.messages === undefined ? { turns: flags.turns ?? 1 } : { messages: flags.messages };
    return this.ask(flags, async (daemon) => {
      if (!flags.force) {
        const agent = await daemon.show(args.id);
        const what = `${agent.id} forgets ${lost(agent, to)}`;
        if (flags['dry-run']) {
          this.log(what);
          return { dryRun: true, agent };
        }
        await confirm(`${what}. Go on?`);
      }
      const agent = await daemon.rewind(args.id, to);
      this.log(`${agent.id} has ${formatCount(agent.turns, 'turn')}, ${formatCount(agent.tokens, 'token')}`);
      return { dryRun: false, agent };
    });
  }
}

/** Checked by the daemon again: what --dry-run says must not be a promise it would break. */
function lost({ id, messages, turns }: AgentDetailBody, to: Target): string {
  const [wanted, has, what] = 'messages' in to ? [to.messages, messages.length, 'messages'] : [to.turns, turns, 'turns'];
  if (wanted > has) throw new SemanticError('InvalidRequest', `${what}: ${id} has ${has} of them, got ${wanted}`);
  return `the last ${'messages' in to ? has - wanted : wanted} of its ${has} ${what}`;
}
