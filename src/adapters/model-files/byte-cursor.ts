/** Reads little-endian values off the front of a file. Throws `PastTheEnd` instead of reading beyond the bytes it has. */
export class PastTheEnd extends Error {
  /** @param wantedBytes bytes from the start of the file that the read needs */
  constructor(
    readonly wantedBytes: number,
    readonly reading: string,
  ) {
    super(`${reading} ends at byte ${wantedBytes}`);
  }
}

export class ByteCursor {
  private offset = 0;
  /** What is being read now, for errors. */
  reading = 'header';

  constructor(private readonly bytes: Buffer) {}

  get position(): number {
    return this.offset;
  }

  /** Moves on by `count` bytes and returns where they start. */
  take(count: number): number {
    const start = this.offset;
    if (start + count > this.bytes.length) throw new PastTheEnd(start + count, this.reading);
    this.offset = start + count;
    return start;
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  /** A count or length; above 2^53 it is Infinity, which no limit lets through. */
  u64(): number {
    const value = this.bytes.readBigUInt64LE(this.take(8));
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
  }

  /** `length` bytes of UTF-8. */
  text(length: number): string {
    const start = this.take(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** A copy of `count` bytes, so that typed arrays over it are aligned. */
  copy(count: number): Buffer<ArrayBuffer> {
    const start = this.take(count);
    const out = Buffer.from(new ArrayBuffer(count));
    this.bytes.copy(out, 0, start, start + count);
    return out;
  }

  /** View of the next `count` bytes; not kept by the caller. */
  view(count: number): Buffer {
    const start = this.take(count);
    return this.bytes.subarray(start, start + count);
  }
}
