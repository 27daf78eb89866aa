import { createRequire } from 'node:module';
import type * as Xgrammar from '@mlc-ai/web-xgrammar';

/** The package says it is an ES module and then asks for `require` and others that such a one does not have. */
export async function loadXgrammar(): Promise<typeof Xgrammar> {
  Object.assign(globalThis, { require: createRequire(import.meta.url), __dirname: import.meta.dirname, __filename: import.meta.filename });
  return import('@mlc-ai/web-xgrammar');
}
