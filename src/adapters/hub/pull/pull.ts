/** `models pull`: from the catalogue, the hub, this machine or a mirror on it. */
import type { Config } from '../../config/schema.js';
import { SemanticError } from '../../../core/domain/errors.js';
import { modelsDirectory } from '../../paths/paths.js';
import { catalogueModel } from '../catalogue.js';
import { pullModel } from '../pull-model.js';
import { installLocal } from './install-local.js';
import { installMirror } from './install-mirror.js';
import { parseSource } from './parse-source.js';
import { pullHub } from './pull-hub.js';
import type { Pulled, PullProgress } from './pull-result.js';

export interface PullRequest {
  readonly source: string;
  readonly name: string | null;
  /** Of files on this machine: links, or copies; null = links. */
  readonly how: 'link' | 'copy' | null;
  readonly hub: Config['hub'];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

export async function pull(request: PullRequest): Promise<Pulled> {
  const source = parseSource(request.source);
  const { name, how, onProgress, signal } = request;
  const options = { models: modelsDirectory(), name, onProgress, signal };
  if (how !== null && source.kind !== 'local') throw onlyFor('--link and --copy are', 'files of this machine');
  switch (source.kind) {
    case 'catalogue':
      if (name !== null) throw onlyFor('--name is', 'other sources than the catalogue; an alias does the same');
      return fromCatalogue(source.name, { onProgress, signal });
    case 'hub':
      return pullHub(source, { ...options, ...hubOptions(request) });
    case 'local':
      return installLocal(source, how ?? 'link', options);
    case 'mirror':
      return installMirror(source, options);
  }
}

async function fromCatalogue(name: string, options: Parameters<typeof pullModel>[1]): Promise<Pulled> {
  const { path, bytes, fetched } = await pullModel(catalogueModel(name), options);
  return { name, path, bytes, source: name, fetched };
}

function hubOptions({ hub, environment }: PullRequest): Omit<Parameters<typeof pullHub>[1], 'models' | 'name' | 'onProgress' | 'signal'> {
  const token = environment['HF_TOKEN'] ?? '';
  const endpoint = environment['HF_ENDPOINT'] ?? '';
  return {
    endpoint: endpoint === '' ? hub.endpoint : endpoint,
    token: token === '' ? null : token,
    parallel: hub.parallel,
    pieceBytes: hub.piece_mb * 2 ** 20,
    retries: hub.retries,
    timeoutMs: hub.timeout_seconds * 1000,
  };
}

function onlyFor(what: string, whom: string): SemanticError {
  return new SemanticError('InvalidRequest', `[pull] ${what} for ${whom}`, { param: 'source' });
}
