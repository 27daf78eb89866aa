/** What `models pull` was asked for. */
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';

export type PullSource =
  | { readonly kind: 'catalogue'; readonly name: string }
  | HubSource
  | { readonly kind: 'local'; readonly path: string; readonly isFolder: boolean }
  | { readonly kind: 'mirror'; readonly path: string; readonly tag: string | null };

export interface HubSource {
  readonly kind: 'hub';
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** A file of it, or part of the name of one, such as `Q4_K_M`. */
  readonly pick: string | null;
}

const HUB = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?(?::(.+))?$/;
const MIRROR = /^oci:(.+?)(?:@([\w.-]+))?$/;

/** `hf:owner/name[@revision][:file]`, `oci:folder[@tag]`, a path, or a name of the catalogue. Throws InvalidRequest, ModelNotFound. */
export function parseSource(text: string): PullSource {
  if (text.startsWith('hf:')) return parseHub(text);
  const mirror = MIRROR.exec(text);
  if (mirror !== null) return { kind: 'mirror', path: toPath(mirror[1]!), tag: mirror[2] ?? null };
  if (!/[/\\]|\.gguf$|^[.~]/.test(text)) return { kind: 'catalogue', name: text };
  const path = toPath(text);
  const isFolder = statSync(path).isDirectory();
  if (isFolder && existsSync(join(path, 'index.json')) && existsSync(join(path, 'blobs'))) return { kind: 'mirror', path, tag: null };
  return { kind: 'local', path, isFolder };
}

function parseHub(text: string): HubSource {
  const [, repository, revision, pick] = HUB.exec(text) ?? [];
  if (repository !== undefined && !/(^|\/)\.+(\/|$)/.test(`${repository}/${revision ?? ''}`)) {
    return { kind: 'hub', repository, revision: revision ?? 'main', pick: pick ?? null };
  }
  throw new SemanticError('InvalidRequest', `[pull] wanted hf:owner/name[@revision][:file], got ${JSON.stringify(text)}`, {
    param: 'source',
  });
}

function toPath(text: string): string {
  const path = resolve(text.startsWith('~/') ? join(homedir(), text.slice(2)) : text);
  if (existsSync(path)) return path;
  throw new SemanticError('ModelNotFound', `[pull] there is no file or folder ${path}`, {
    param: 'source',
    hint: 'A repository of the hub is written hf:owner/name.',
  });
}
