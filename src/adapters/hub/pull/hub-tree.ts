/** What a repository of the hub holds at a revision, with the hashes of its files. */
import { z } from 'zod';
import { SemanticError } from '../../../core/domain/errors.js';
import type { HubSource } from './parse-source.js';
import type { HubHttp } from './hub-http.js';

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** Of what the hub keeps in its large-file store; null for what lies in git. */
  readonly sha256: string | null;
  /** Of what lies in git. */
  readonly gitOid: string;
}

export interface HubTree {
  /** The commit that the revision was when it was asked for. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const revisionSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0).optional(),
  oid: z.string(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).optional(),
});
const MAX_PAGES = 1_000;

/** Throws ModelNotFound, DownloadFailed. */
export async function readHubTree(http: HubHttp, { repository, revision }: HubSource): Promise<HubTree> {
  const what = `hf:${repository}@${revision}`;
  const answer = await http.json(http.url(`/api/models/${repository}/revision/${encodeURIComponent(revision)}`), what);
  const { sha: commit } = parse(revisionSchema, answer.json, what);
  const files: HubFile[] = [];
  let page: URL | null = http.url(`/api/models/${repository}/tree/${commit}?recursive=true`);
  for (let number = 0; page !== null; number++) {
    if (number === MAX_PAGES) throw new SemanticError('DownloadFailed', `[pull] ${what}: its list of files has no end`);
    const { json, headers, url } = await http.json(page, what);
    const entries = parse(z.array(entrySchema), json, what);
    for (const { type, path, size, oid, lfs } of entries) {
      if (type === 'file' && isPlain(path)) files.push({ path, bytes: lfs?.size ?? size ?? 0, sha256: lfs?.oid ?? null, gitOid: oid });
    }
    page = nextPage(url, headers['link']);
  }
  return { commit, files };
}

/** `<url>; rel="next"`. */
function nextPage(from: URL, link: string | string[] | undefined): URL | null {
  const next = /<([^>]+)>\s*;[^,]*rel="next"/.exec(String(link ?? ''))?.[1];
  return next === undefined ? null : new URL(next, from);
}

/** Names that stay below the folder they are put in. */
export function isPlain(path: string): boolean {
  return path !== '' && path.split('/').every((part) => /^[^\\\0]+$/.test(part) && part !== '.' && part !== '..');
}

function parse<T extends z.ZodType>(schema: T, json: unknown, what: string): z.output<T> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new SemanticError(
    'DownloadFailed',
    `[pull] ${what}: the hub's answer is not what it should be: ${parsed.error.issues[0]?.message}`,
    {
      hint: 'Check hub.endpoint and HF_ENDPOINT.',
    },
  );
}
