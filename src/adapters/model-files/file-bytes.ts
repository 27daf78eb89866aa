import { stat } from 'node:fs/promises';
import { fileMissing } from './file-errors.js';

/** Bytes of all `files` together. Throws ModelFileMissing. */
export async function fileBytes(files: readonly string[]): Promise<number> {
  const sizes = files.map((file) =>
    stat(file).catch((cause: unknown) => {
      throw fileMissing(file, cause);
    }),
  );
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}
