import type { AgentContext } from '../../core/domain/agent.js';
import type { KvBlock } from '../../core/domain/kv-block.js';
import type { NewKvImage } from '../../core/ports.js';
import { parseAgentHeader, type AgentManifest, type ExportedImage } from './agent-manifest.js';
import { planAgent } from './agents.js';
import { beginExtent } from './begin-extent.js';
import { ByteStream } from './byte-stream.js';
import { commitExtents, type StoredExtentWriter } from './extent-writer.js';
import { COPY_BYTES, writeAll } from './file-io.js';
import { imageSeed } from './image-seed.js';
import { headerLength } from './safetensors-layout.js';
import type { StoreCore } from './store-core.js';
import { corruptionError } from './store-errors.js';
import { bytesOfTokens } from './token-text.js';

/** An import has at most so many extents open at a time; a bigger one gets bigger extents. */
const MAX_EXTENTS = 64;

export type Accept = (
  agent: AgentContext,
  blocks: readonly KvBlock[],
) => { readonly agent: AgentContext; readonly blocks: readonly KvBlock[] };

/** Everything is written and checked first; then one transaction makes all of it count. A file that is damaged or cut leaves nothing. */
export async function importAgent(core: StoreCore, file: AsyncIterable<Uint8Array>, accept: Accept): Promise<AgentContext> {
  const stream = new ByteStream(file);
  const writers: StoredExtentWriter[] = [];
  try {
    const { manifest, layout } = await readManifest(stream);
    const accepted = accept(manifest.agent, manifest.blocks);
    assertSameBlocks(manifest.blocks, accepted.blocks);
    const here = new Map(manifest.blocks.map((block, i) => [block.hash, accepted.blocks[i]!]));
    const checksums: bigint[][] = [];
    let at = layout.header.length;
    for (const group of groups(core, manifest, layout.offsets)) {
      const images = group.map(({ block, kind, bytes }): NewKvImage => ({ block: here.get(block.hash)!, kind, bytes }));
      const writer = await beginExtent(core, images, accepted.agent.fingerprint);
      writers.push(writer);
      const own: bigint[] = [];
      for (const [i, { block, kind, bytes, checksum, offset }] of group.entries()) {
        await expectPadding(stream, offset - at);
        await receive(core, stream, writer.fd, writer.places[i]!.offset, bytes);
        at = offset + bytes;
        const { offset: place, seed } = writer.places[i]!;
        if ((await core.options.checksumFile(writer.fd, place, bytes, imageSeed(block.hash, kind, block.tokens.length))) !== checksum)
          throw damaged(`image ${block.hash}.${kind} does not have its checksum`);
        own.push(await core.options.checksumFile(writer.fd, place, bytes, seed));
      }
      checksums.push(own);
    }
    if ((await stream.some(1)).length > 0) throw damaged('there is more behind its last image');
    const written = writers.map((writer, i) => ({ writer, checksums: checksums[i]! }));
    await commitExtents(core, written, accepted.agent.id, () => planAgent(core, accepted.agent));
    return accepted.agent;
  } finally {
    for (const writer of writers) await writer.abandon(); // nothing to do for those committed
    await stream.end();
  }
}

async function readManifest(stream: ByteStream): Promise<NonNullable<ReturnType<typeof parseAgentHeader>>> {
  const head = await stream.take(8);
  const bytes = headerLength(head);
  if (bytes === null) throw damaged('it does not start like an exported agent');
  const header = Buffer.concat([head, await stream.take(bytes - head.length)]);
  const parsed = header.length < bytes ? null : parseAgentHeader(header);
  if (parsed === null) throw damaged('its header is not what was written');
  return parsed;
}

function assertSameBlocks(asked: readonly KvBlock[], got: readonly KvBlock[]): void {
  const isSame = got.length === asked.length && got.every(({ tokens }, i) => bytesOfTokens(tokens).equals(bytesOfTokens(asked[i]!.tokens)));
  if (!isSame) throw new RangeError(`[kv_store.import] wanted the same ${asked.length} blocks in the same order, got ${got.length} others`);
}

type PlacedImage = ExportedImage & { readonly offset: number };

/** Images in the order of the file, with their place in it, as they go into extents. */
function groups(core: StoreCore, { images }: AgentManifest, offsets: readonly number[]): PlacedImage[][] {
  const total = images.reduce((sum, { bytes }) => sum + bytes, 0);
  const limit = Math.max(core.options.extentBytes, total / MAX_EXTENTS);
  const all: PlacedImage[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const [i, image] of images.entries()) {
    if (filled + image.bytes > limit) {
      all.push([]);
      filled = 0;
    }
    all.at(-1)!.push({ ...image, offset: offsets[i]! });
    filled += image.bytes;
  }
  return all;
}

async function receive(core: StoreCore, stream: ByteStream, fd: number, offset: number, bytes: number): Promise<void> {
  for (let done = 0; done < bytes;) {
    const piece = await stream.some(Math.min(COPY_BYTES, bytes - done));
    if (piece.length === 0) throw damaged('it ends in the middle of an image');
    await writeAll(fd, piece, offset + done).catch((error: unknown) => {
      throw core.refused('import', error);
    });
    done += piece.length;
  }
}

async function expectPadding(stream: ByteStream, count: number): Promise<void> {
  const padding = await stream.take(count);
  if (padding.length < count || padding.some((byte) => byte !== 0)) throw damaged('what lies between its images is not what was written');
}

function damaged(reason: string): Error {
  return corruptionError('import', `the file is damaged: ${reason}; nothing of it was stored`);
}
