import { createRequire } from 'node:module';
import type * as Xgrammar from '@mlc-ai/web-xgrammar';

/** The package calls itself an ES module, but is a script that wants `require` and the like and leaves a global behind. */
export async function loadXgrammar(): Promise<typeof Xgrammar> {
  const { dirname, filename, url } = import.meta;
  Object.assign(globalThis, { require: createRequire(url), __dirname: dirname, __filename: filename });
  await import('@mlc-ai/web-xgrammar');
  return (globalThis as unknown as { readonly xgrammar: typeof Xgrammar }).xgrammar;
}
