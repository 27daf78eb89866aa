/** A folder laid out as an OCI image: `index.json` names manifests, a manifest the files, and all lie in `blobs/` under their hash. */
import { constants } from 'node:fs';
import { copyFile, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { SemanticError } from '../../../core/domain/errors.js';
import { fileMissing } from '../../model-files/file-errors.js';
import type { Origin } from '../origin-file.js';
import { assertWanted } from '../../files/assert-wanted.js';
import { chooseFiles } from './choose-files.js';
import { hashContent } from './hash-content.js';
import { inPlace } from './is-in-place.js';
import type { Pulled, PullOptions } from './pull-result.js';
import { requireSpace } from './require-space.js';
import { keepOnly, openStaging } from './staging.js';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const annotations = z.record(z.string(), z.string()).optional();
const indexSchema = z.object({ manifests: z.array(z.object({ digest, annotations })) });
const manifestSchema = z.object({ layers: z.array(z.object({ digest, size: z.int().min(0), annotations })) });
const TAG = 'org.opencontainers.image.ref.name';
const TITLE = 'org.opencontainers.image.title';

interface Layer {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** `tag`: which of several manifests. Every file is copied and compared with its hash. */
export async function installMirror(
  { path, tag }: { readonly path: string; readonly tag: string | null },
  options: PullOptions,
): Promise<Pulled> {
  const { manifest, name } = await chooseManifest(path, tag);
  const layers = await readLayers(path, manifest);
  const { format, paths } = chooseFiles(
    path,
    layers.map((layer) => layer.name),
    null,
  );
  const wanted = layers.filter((layer) => paths.includes(layer.name));
  const id = options.name ?? (format === 'gguf' ? basename(paths[0]!).replace(/\.gguf$/i, '') : (name ?? basename(path)));
  const source = `oci:${path}@${manifest}`;
  const there = await inPlace(id, source, options);
  if (there !== null) return there;
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  const staging = await openStaging(options.models, id);
  try {
    await keepOnly(staging.folder, []);
    await requireSpace(staging.folder, total, id);
    const files: Origin['files'] = [];
    let done = 0;
    for (const layer of wanted) {
      assertWanted(options.signal);
      const to = join(staging.folder, layer.name);
      await copyFile(blobOf(path, layer.sha256), to, constants.COPYFILE_FICLONE).catch((cause: unknown) => {
        throw fileMissing(blobOf(path, layer.sha256), cause);
      });
      const got = await hashContent(to, layer.bytes, (bytes) => options.onProgress({ phase: 'copy', done: (done += bytes), total }));
      if (got.sha256 !== layer.sha256) throw damaged(path, layer, got.sha256);
      files.push({ path: layer.name, bytes: got.bytes, sha256: got.sha256 });
    }
    const place = await staging.finish(source, files);
    return { name: id, path: format === 'gguf' ? join(place, paths[0]!) : place, bytes: total, source, fetched: true };
  } catch (error) {
    await staging.discard();
    throw error;
  } finally {
    await staging.release();
  }
}

async function chooseManifest(path: string, tag: string | null): Promise<{ readonly manifest: string; readonly name: string | null }> {
  const { manifests } = parse(indexSchema, join(path, 'index.json'), await read(join(path, 'index.json')));
  const tags = manifests.flatMap((manifest) => manifest.annotations?.[TAG] ?? []);
  const found = tag === null ? manifests : manifests.filter((manifest) => manifest.annotations?.[TAG] === tag);
  const [one, second] = found;
  if (one !== undefined && second === undefined) return { manifest: one.digest, name: one.annotations?.[TAG] ?? null };
  const what = tag === null ? `one manifest, or a tag, got ${manifests.length} manifests` : `a manifest with the tag ${tag}`;
  throw new SemanticError('InvalidRequest', `[pull] ${path}: wanted ${what}; tags: ${tags.join(', ') || 'none'}`, {
    param: 'source',
    hint: `Write oci:${path}@<tag>`,
  });
}

async function readLayers(path: string, manifest: string): Promise<Layer[]> {
  const file = blobOf(path, manifest.slice('sha256:'.length));
  const text = await read(file);
  const { sha256 } = await hashContent(file, (await stat(file)).size);
  if (`sha256:${sha256}` !== manifest) throw damaged(path, { name: 'the manifest', bytes: 0, sha256: manifest.slice(7) }, sha256);
  const { layers } = parse(manifestSchema, file, text);
  return layers.flatMap((layer) => {
    const name = layer.annotations?.[TITLE];
    return name === undefined || !/^[\w][\w.-]*$/.test(name)
      ? []
      : [{ name, bytes: layer.size, sha256: layer.digest.slice('sha256:'.length) }];
  });
}

function blobOf(path: string, sha256: string): string {
  return join(path, 'blobs', 'sha256', sha256);
}

function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileMissing(file, cause);
  });
}

function parse<T extends z.ZodType>(schema: T, file: string, text: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new SemanticError('ModelFileCorrupt', `[pull] ${file} is no index or manifest of an OCI image`, { cause });
  }
}

function damaged(path: string, { name, sha256 }: Layer, got: string): SemanticError {
  return new SemanticError('HashMismatch', `[pull] ${name} of ${path} has the SHA-256 ${got}, wanted ${sha256}`, {
    hint: 'The mirror is damaged; nothing was installed.',
  });
}
