import { Args, Flags } from '@oclif/core';
import type { Config as Settings } from '../adapters/config/schema.js';
import type { Recording } from '../adapters/recordings/read-recording.js';
import type { TurnsBody } from '../client/agent-bodies.js';
import type { Speed } from '../client/replay/plan.js';
import type { Assertion, ReplayReport } from '../client/replay/report.js';
import { ERROR_TABLE, SemanticError } from '../core/domain/errors.js';
import { DaemonCommand } from './daemon-command.js';
import { engineFlags, engineSettings } from './engine-flags.js';
import { progressBar } from './progress-bar.js';

const ASSERTED: readonly Assertion[] = ['tokens', 'shape', 'cache'];

export default class Replay extends DaemonCommand {
  static override summary = 'Send what was recorded again, and say what is answered otherwise; or go through a session step by step.';
  static override description = [
    'A turn is sent when its predecessor was answered; at the speed max it waits for all that had been answered when it came, and for nothing else. Seeds are the recorded ones.',
    'in-process starts a daemon of its own for as long as it takes, with an empty home but for the models, and with the settings of the recording.',
    'Exit code 5 when something is not as it was: a status always, and what --assert names (tokens where it names nothing).',
  ].join('\n\n');
  static override examples = [
    '<%= config.bin %> replay ./monday',
    '<%= config.bin %> replay ./monday --speed max --target in-process --assert tokens --assert cache',
    '<%= config.bin %> replay ./monday --target http://127.0.0.1:9000 --assert shape --json',
    '<%= config.bin %> replay --session claude-1f0c',
  ];
  static override args = { recording: Args.string({ description: 'Folder of the recording' }) };
  static override flags = {
    ...engineFlags,
    model: Flags.string({ char: 'm', description: 'Ask for this model, whichever was asked for', helpValue: 'name' }),
    speed: Flags.string({ default: 'max', description: 'real, max (no pauses), or xN: N times as fast', helpValue: 'real|max|xN' }),
    target: Flags.string({
      default: 'daemon',
      description: 'The daemon, an address, or a daemon of its own',
      helpValue: 'daemon|URL|in-process',
    }),
    assert: Flags.string({ multiple: true, multipleNonGreedy: true, options: [...ASSERTED], description: 'What has to be as it was' }),
    'max-tokens': Flags.integer({ min: 1, description: 'Longest answer', helpValue: 'n' }),
    session: Flags.string({ description: 'An agent whose turns are gone through instead', helpValue: 'id', exclusive: ['assert'] }),
  };

  override async run(): Promise<ReplayReport | TurnsBody | undefined> {
    const { args, flags } = await this.parse(Replay);
    if (flags.session !== undefined) return this.#session(flags.session, flags);
    if (args.recording === undefined)
      throw new SemanticError('InvalidRequest', 'wanted the folder of a recording, or --session, got neither', {
        hint: '`semantic record --out DIR` makes a recording.',
      });
    const speed = toSpeed(flags.speed);
    const { readRecording } = await import('../adapters/recordings/read-recording.js');
    const recording = await readRecording(args.recording);
    if (recording.tornBytes > 0) this.note(`The last line has no end: ${recording.tornBytes} bytes of it are left out.`);
    const settings = await this.settings({ 'server.socket': flags.socket });
    const report = await this.#replayed(recording, { name: args.recording, speed, flags, settings });
    const { describeReplay } = await import('./replay/describe-replay.js');
    for (const line of describeReplay(report)) this.log(line);
    // The report says what; the code is for who looks at nothing else.
    if (report.verdicts.length > 0) process.exitCode = ERROR_TABLE.ReplayDiffers.exit;
    return report;
  }

  async #replayed(recording: Recording, { name, speed, flags, settings }: Wanted): Promise<ReplayReport> {
    const { withTarget } = await import('./replay/target.js');
    const { replay } = await import('../client/replay/replay.js');
    const bar = progressBar(process.stderr);
    const stopped = new AbortController();
    const stop = (): void => stopped.abort();
    process.on('SIGINT', stop);
    const { model, ...engine } = flags;
    const wish = { target: flags.target, settings, recording, engine: engineSettings({ ...engine, model }), signal: stopped.signal };
    try {
      return await withTarget(wish, ({ place, apiKey }) =>
        replay({
          recording,
          name,
          place,
          target: flags.target,
          speed,
          overrides: { model: model ?? null, maxTokens: flags['max-tokens'] ?? null },
          apiKey,
          asserted: (flags.assert as Assertion[] | undefined) ?? ['tokens'],
          onProgress: (done, total) => bar.show('replay', done, total),
          signal: stopped.signal,
        }),
      );
    } finally {
      bar.stop();
      process.off('SIGINT', stop);
    }
  }

  async #session(id: string, flags: { readonly socket: string | undefined }): Promise<TurnsBody | undefined> {
    const turns = await this.ask(flags, (daemon) => daemon.turns(id));
    if (this.jsonEnabled()) return turns;
    const { showTurns } = await import('./replay/show-turns.js');
    process.exitCode = await showTurns(turns, (line) => this.log(line));
    return undefined;
  }
}

interface Wanted {
  readonly name: string;
  readonly speed: Speed;
  readonly settings: Settings;
  readonly flags: {
    readonly target: string;
    readonly assert?: string[] | undefined;
    readonly model?: string | undefined;
    readonly context?: number | undefined;
    readonly threads?: number | undefined;
    readonly executor?: string | undefined;
    readonly compute?: string | undefined;
    readonly 'max-tokens'?: number | undefined;
  };
}

function toSpeed(text: string): Speed {
  if (text === 'max') return 'max';
  if (text === 'real') return 1;
  const times = Number(/^x(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
  if (times > 0) return times;
  throw new SemanticError('InvalidRequest', `--speed: wanted real, max or xN such as x4, got ${JSON.stringify(text)}`, { param: 'speed' });
}
