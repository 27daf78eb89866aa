import type { ProcessBody } from '../client/process-bodies.js';
import type { StatusBody } from '../client/status-bodies.js';
import { SemanticError } from '../core/domain/errors.js';
import { DaemonCommand } from './daemon-command.js';
import { formatBytes } from './format/bytes.js';

export default class Status extends DaemonCommand {
  static override summary = 'Say whether a daemon runs, what it serves and what it holds; exits with 7 where none does.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --json'];

  override async run(): Promise<ProcessBody & { readonly status: StatusBody | null }> {
    const { flags } = await this.parse(Status);
    return this.administer(flags, async (admin) => {
      const report = await admin.process();
      const status = await admin.status().catch((error: unknown) => {
        if (error instanceof SemanticError && error.code === 'ModelUnavailable') return null; // starting, or between two models
        throw error;
      });
      for (const [name, text] of rows(report, status)) this.log(`${name.padEnd(9)} ${text}`);
      return { ...report, status };
    });
  }
}

function rows(
  { pid, version, state, phase, uptimeSeconds, address, socket, log, audit }: ProcessBody,
  status: StatusBody | null,
): [string, string][] {
  const about: [string, string][] = [
    ['daemon', `semantic ${version}, process ${pid}, for ${duration(uptimeSeconds)}`],
    ['state', phase === null ? state : `${state}: ${phase}`],
  ];
  if (address !== '') about.push(['address', address], ['socket', socket]);
  if (log !== null) about.push(['log', log]);
  if (audit?.state === 'suspended') {
    about.push(['audit', `cannot be written (${audit.reason}): ${audit.held} events wait, ${audit.lost} are lost`]);
  }
  if (status === null) return about;
  const { engine, native, memory } = status;
  const { running, waiting, model, contextLength, fault } = engine;
  about.push(
    ['model', `${model}, ${contextLength} tokens of context`],
    ['requests', `${running} running, ${waiting} waiting`],
    [
      'memory',
      `${formatBytes(memory.residentBytes)}, of it ${formatBytes(native.weightBytes)} weights and ${formatBytes(native.kvBytes)} KV`,
    ],
  );
  if (fault !== null) about.push(['fault', fault]);
  return about;
}

function duration(seconds: number): string {
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const first = parts.findIndex((part) => part > 0);
  if (first < 0) return '0 s';
  return parts
    .map((part, i) => `${part} ${['d', 'h', 'min', 's'][i]}`)
    .slice(first, first + 2)
    .join(' ');
}
