/** Token ids as bytes, 32-bit words as the machine has them: all we run on are little-endian. In JSON they stand in base64. */
export function bytesOfTokens(tokens: Int32Array): Buffer {
  return Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}

export function tokensToText(tokens: Int32Array): string {
  return bytesOfTokens(tokens).toString('base64');
}

export function tokensFromText(text: string): Int32Array {
  return tokensFromBytes(Buffer.from(text, 'base64'));
}

/** A view where the bytes are aligned, else a copy. */
export function tokensFromBytes(bytes: Uint8Array): Int32Array {
  const count = bytes.length >> 2;
  return bytes.byteOffset % 4 === 0
    ? new Int32Array(bytes.buffer, bytes.byteOffset, count)
    : new Int32Array(Uint8Array.from(bytes).buffer, 0, count);
}
