/** The recorder of a daemon, with a recording under way where the settings want one. */
import { resolve } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../adapters/config/schema.js';
import { machineFacts } from '../../adapters/recordings/machine.js';
import type { Engine } from '../../core/engine/engine.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { OpenedEngine } from '../open-engine.js';
import { Recorder } from './recorder.js';

export interface RecordedDaemon {
  readonly version: string;
  readonly backend: OpenedEngine['backend'];
  readonly logger: FastifyBaseLogger;
  /** Throws ModelUnavailable while there is no model. */
  readonly engine: () => Engine;
}

/** Throws what keeps a recording from beginning. */
export async function openRecorder(settings: Config, { version, backend, logger, engine }: RecordedDaemon): Promise<Recorder> {
  const { directory, max_mb: maxMb, redact } = settings.recording;
  const recorder = new Recorder({
    logger,
    defaults: { maxBytes: maxMb * 2 ** 20, redact },
    head: () => ({
      semantic: version,
      model: modelOf(engine),
      settings: decisive(settings),
      machine: machineFacts(`${backend.executor}, ${backend.detail}`),
    }),
  });
  if (directory !== '') await startBeside(recorder, resolve(directory));
  return recorder;
}

/** A daemon that is started again goes on in a folder beside: `monday`, then `monday-2`. */
async function startBeside(recorder: Recorder, directory: string): Promise<void> {
  for (let number = 1; ; number++) {
    try {
      await recorder.start({ directory: number === 1 ? directory : `${directory}-${number}` });
      return;
    } catch (error) {
      if (!(error instanceof SemanticError) || error.code !== 'RecordingConflict' || number === MOST_BESIDE) throw error;
    }
  }
}

const MOST_BESIDE = 10_000;

function modelOf(engine: () => Engine): { name: string; fingerprint: string; contextLength: number } | null {
  try {
    const { id, fingerprint, contextLength } = engine().model;
    return { name: id, fingerprint, contextLength };
  } catch (error) {
    if (error instanceof SemanticError && error.code === 'ModelUnavailable') return null;
    throw error;
  }
}

/** Sections whose every setting decides about answers, or about what is found in the cache. */
const SECTIONS = ['sampling', 'canonical', 'cache'] as const;
const OF_THE_MODEL = ['context', 'beyond_training', 'executor', 'kv_format', 'compute'] as const;

function decisive(settings: Config): Record<string, string | number | boolean> {
  const whole = SECTIONS.flatMap((section) =>
    Object.entries(settings[section]).map(([key, value]) => [`${section}.${key}`, value] as const),
  );
  const model = OF_THE_MODEL.map((key) => [`model.${key}`, settings.model[key]] as const);
  return Object.fromEntries([...model, ...whole]);
}
