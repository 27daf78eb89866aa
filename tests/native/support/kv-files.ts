/** Images of sequences in files of a scratch folder. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Native from '../../../native/index.js';
import type { DecoderSpec } from '../../../src/core/domain/decoder-spec.js';

export const BLOCK = 256;

export interface Place {
  readonly start: number;
  readonly count: number;
  readonly layers: Int32Array;
}

const RECURS = -1; // in place of a window

/** One image per block and kind of layers: all that a sequence of `end` tokens sees beyond its first `start`; of those that recur the state. */
export function placesOf(spec: DecoderSpec, end: number, start = 0): Place[] {
  const windows = spec.layers.map(({ attention }) => (attention === undefined ? RECURS : (attention.window ?? Infinity)));
  return [...new Set(windows)].flatMap((window) => {
    const layers = Int32Array.from(windows.flatMap((w, layer) => (w === window ? [layer] : [])));
    const seen = window === RECURS ? end - 1 : Math.max(0, end - window + 1);
    const first = Math.max(start, Math.floor(seen / BLOCK) * BLOCK);
    const places: Place[] = [];
    for (let at = first; at < end; at += BLOCK) places.push({ start: at, count: Math.min(BLOCK, end - at), layers });
    return places;
  });
}

/** A file that images are saved to and loaded from; removed by `close`. */
export class KvFile {
  private readonly folder = mkdtempSync(join(tmpdir(), 'semantic-kv-'));
  readonly path = join(this.folder, 'images');
  readonly fd = openSync(this.path, 'w+');
  private end = 3; // images lie where they happen to: nothing is aligned

  constructor(
    private readonly engine: InstanceType<typeof Native.Engine>,
    private readonly model: Native.ModelId,
  ) {}

  async save(sequence: Native.SequenceId, places: readonly Place[]): Promise<Native.SavedKvImage[]> {
    const images = this.lay(places);
    const checksums = await this.engine.saveKv(sequence, this.fd, images);
    return images.map((image, i) => ({ ...image, fd: this.fd, checksum: checksums[i]! }));
  }

  /** Images with places in the file, one after the other. */
  lay(places: readonly Place[]): Native.KvImage[] {
    return places.map((place, i) => {
      const offset = this.end;
      this.end += this.engine.kvImageBytes(this.model, place.count, place.layers);
      return { ...place, offset, seed: BigInt(i) << 33n };
    });
  }

  /** What the file holds of an image. */
  bytesOf({ offset, count, layers }: Native.KvImage): Buffer {
    return readFileSync(this.path).subarray(offset, offset + this.engine.kvImageBytes(this.model, count, layers));
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.folder, { recursive: true });
  }
}
