/** One hash for all that a step reads. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/**
 * Every file under `directory`, sorted; [] when there is none.
 * @param {string} directory
 * @param {readonly string[]} [without] names of folders to leave out
 * @returns {Promise<string[]>}
 */
export async function listFiles(directory, without = []) {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const nested = entries.map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return without.includes(entry.name) ? [] : listFiles(path, without);
    return [path];
  });
  return (await Promise.all(nested)).flat().sort();
}

/**
 * @param {string} root names are hashed relative to it
 * @param {readonly string[]} files one that is missing counts as empty
 * @param {string} [extra] whatever else the step depends on
 */
export async function hashFiles(root, files, extra = '') {
  const contents = await Promise.all(files.map((file) => readFile(file).catch(() => Buffer.alloc(0))));
  const hash = createHash('sha256').update(extra);
  files.forEach((file, index) => {
    const content = /** @type {Buffer} */ (contents[index]);
    hash.update(`\0${relative(root, file)}\0${content.length}\0`).update(content);
  });
  return hash.digest('hex');
}
