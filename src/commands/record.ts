import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '@oclif/core';
import type { AdminClient } from '../client/admin-client.js';
import type { RecordingBody } from '../client/recording-bodies.js';
import { SemanticError } from '../core/domain/errors.js';
import { DaemonCommand } from './daemon-command.js';
import { describeRecording } from './record/describe-recording.js';

/** Between two looks at how far it is. */
const LOOK_MS = 500;
const LONGEST_SECONDS = 86_400;

export default class Record extends DaemonCommand {
  static override summary = 'Record the requests of a running daemon and its answers, until Ctrl-C.';
  static override description = [
    'What is recorded is in docs/recordings.md: bodies as they came, no keys. It ends by itself when it is as large as it may be. Requests do not wait for it.',
    'If this command is killed the daemon goes on recording: --stop ends it.',
  ].join('\n\n');
  static override examples = [
    '<%= config.bin %> record --out ./monday',
    '<%= config.bin %> record --out ./monday --seconds 60 --redact "sk-[A-Za-z0-9]+"',
    '<%= config.bin %> record --stop',
  ];
  static override flags = {
    out: Flags.string({ char: 'o', description: 'A new or empty folder', helpValue: 'folder', exclusive: ['stop'] }),
    seconds: Flags.integer({ char: 's', min: 1, max: LONGEST_SECONDS, description: 'End after so long', helpValue: 'n' }),
    'max-mb': Flags.integer({ min: 1, description: 'End at this size, in 2^20 bytes', helpValue: 'n' }),
    redact: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Replace what this matches in bodies',
      helpValue: 'regex',
    }),
    stop: Flags.boolean({ description: 'End the recording that goes on' }),
  };

  override async run(): Promise<RecordingBody> {
    const { flags } = await this.parse(Record);
    const { out, redact, seconds, stop } = flags;
    if (!stop && out === undefined)
      throw new SemanticError('InvalidRequest', 'wanted a folder to record in, got none', { hint: 'Name one with --out.' });
    const ended = await this.administer(flags, async (daemon) => {
      if (stop) return daemon.stopRecording();
      const maxMb = flags['max-mb'];
      await daemon.record({
        directory: resolve(out!),
        ...(maxMb === undefined ? {} : { max_bytes: maxMb * 2 ** 20 }),
        ...(redact === undefined ? {} : { redact }),
      });
      return this.#watch(daemon, seconds ?? Infinity);
    });
    for (const line of describeRecording(ended)) this.log(line);
    if (ended.state !== 'failed') return ended;
    throw new SemanticError('RecordingFailed', `[recording] it ended after ${ended.exchanges} exchanges: ${ended.reason}`);
  }

  /** Until it is to end, or has ended by itself. */
  async #watch(daemon: AdminClient, seconds: number): Promise<RecordingBody> {
    const over = new AbortController();
    const end = (): void => over.abort();
    for (const signal of SIGNALS) process.on(signal, end);
    const deadline = performance.now() + seconds * 1000;
    try {
      for (;;) {
        const now = await daemon.recording();
        this.#show(now);
        if (now.state !== 'recording') return now;
        const left = deadline - performance.now();
        if (over.signal.aborted || left <= 0) return await daemon.stopRecording();
        await sleep(Math.min(LOOK_MS, left), undefined, { signal: over.signal }).catch(() => undefined);
      }
    } finally {
      for (const signal of SIGNALS) process.off(signal, end);
      if (process.stderr.isTTY) process.stderr.write('\n');
    }
  }

  /** One line that is written over, on a terminal; nothing elsewhere. */
  #show({ exchanges, bytes, dropped }: RecordingBody): void {
    if (!process.stderr.isTTY) return;
    const lost = dropped === 0 ? '' : `, ${dropped} dropped`;
    process.stderr.write(`\r\u001B[Krecording: ${exchanges} exchanges, ${bytes} bytes${lost}; Ctrl-C ends it`);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
