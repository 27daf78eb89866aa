/** A repository of the hub: only the files a model needs, all or nothing. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Origin } from '../origin-file.js';
import { chooseFiles } from './choose-files.js';
import { bytesThere, downloadFile } from './download-file.js';
import { hashContent } from './hash-content.js';
import { HubHttp, type HubOptions } from './hub-http.js';
import { type HubFile, readHubTree } from './hub-tree.js';
import { inTurns } from './in-turn.js';
import { inPlace } from './is-in-place.js';
import type { HubSource } from './parse-source.js';
import type { Pulled, PullOptions } from './pull-result.js';
import { requireSpace } from './require-space.js';
import { keepOnly, openStaging } from './staging.js';

export interface HubPullOptions extends PullOptions, HubOptions {
  /** Requests at once. */
  readonly parallel: number;
  /** Of a range; what of one has not arrived whole is fetched again by the next attempt. */
  readonly pieceBytes: number;
}

export async function pullHub(source: HubSource, options: HubPullOptions): Promise<Pulled> {
  const http = new HubHttp(options);
  try {
    const tree = await readHubTree(http, source);
    const origin = `hf:${source.repository}`;
    const chosen = chooseFiles(
      origin,
      tree.files.map(({ path }) => path),
      source.pick,
    );
    const files = tree.files.filter(({ path }) => chosen.paths.includes(path));
    const id =
      options.name ?? (chosen.format === 'gguf' ? basename(chosen.paths[0]!).replace(/\.gguf$/i, '') : source.repository.split('/')[1]!);
    const pinned = `${origin}@${tree.commit}${chosen.format === 'gguf' ? `:${chosen.paths[0]!}` : ''}`;
    return (
      (await inPlace(id, pinned, options)) ??
      (await fetchAll({ id, pinned, files, repository: source.repository, commit: tree.commit }, http, options))
    );
  } finally {
    await http.close();
  }
}

interface Wanted {
  readonly id: string;
  readonly pinned: string;
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
}

async function fetchAll({ id, pinned, repository, commit, files }: Wanted, http: HubHttp, options: HubPullOptions): Promise<Pulled> {
  const staging = await openStaging(options.models, id);
  try {
    const { folder } = staging;
    const placeOf = ({ path }: HubFile): string => join(folder, path.startsWith('1_Pooling/') ? path : basename(path));
    await keepOnly(
      folder,
      files.flatMap((file) =>
        [placeOf(file), `${placeOf(file)}.part`, `${placeOf(file)}.pieces`].map((path) => path.slice(folder.length + 1)),
      ),
    );
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    const tell = (bytes: number): void => options.onProgress({ phase: 'download', done: (done += bytes), total });
    for (const file of files) tell(existsSync(placeOf(file)) ? file.bytes : await bytesThere(placeOf(file), file, options.pieceBytes));
    await requireSpace(folder, total - done, id);
    const inTurn = inTurns(options.parallel);
    const urlOf = ({ path }: HubFile): URL =>
      http.url(`/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
    const fetchOne = async (file: HubFile): Promise<Origin['files'][number]> => {
      const to = placeOf(file);
      // What is in place was whole when it got there, and is compared again all the same: it may be of another commit.
      const there = existsSync(to) ? await hashContent(to, file.bytes) : null;
      const isWhole = there !== null && (file.sha256 === null ? there.gitOid === file.gitOid : there.sha256 === file.sha256);
      const { pieceBytes } = options;
      const hashes = isWhole ? there : await downloadFile({ http, url: urlOf(file), file, to, pieceBytes, inTurn, onBytes: tell });
      return { path: to.slice(folder.length + 1), bytes: file.bytes, sha256: hashes.sha256 };
    };
    const results = await Promise.allSettled(files.map(fetchOne));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    const fetched = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const place = await staging.finish(pinned, fetched);
    const [only] = fetched;
    const path = fetched.length === 1 && only!.path.endsWith('.gguf') ? join(place, only!.path) : place;
    return { name: id, path, bytes: total, source: pinned, fetched: true };
  } finally {
    await staging.release();
  }
}
