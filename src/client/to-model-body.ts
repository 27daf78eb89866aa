import type { LibraryModel, LibraryModelDetail } from '../adapters/hub/model-library.js';
import type { ModelBody, ModelDetailBody } from './model-bodies.js';

/** What the daemon that has it in memory says of it: newer than what is on file. */
export interface ResidentUse {
  readonly fingerprint: string | null;
  /** Seconds since 1970. */
  readonly usedAt: number | null;
}

/** `resident`: null where no daemon has it in memory. */
export function toModelBody(model: LibraryModel, resident: ResidentUse | null): ModelBody {
  return {
    id: model.id,
    object: 'model',
    state: resident !== null ? 'resident' : model.installed ? 'installed' : 'available',
    bytes: model.bytes,
    path: model.path,
    format: model.format,
    architecture: model.architecture,
    quantization: model.quantization,
    context_length: model.contextLength,
    fingerprint: resident?.fingerprint ?? model.use?.fingerprint ?? null,
    used_at: resident?.usedAt ?? model.use?.usedAt ?? null,
    aliases: [...model.aliases],
    title: model.title,
    licence: model.licence,
    problem: model.problem,
  };
}

export function toModelDetailBody(model: LibraryModelDetail, resident: ResidentUse | null): ModelDetailBody {
  return { ...toModelBody(model, resident), source: model.source, files: [...model.files] };
}
