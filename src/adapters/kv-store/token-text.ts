/** Token ids in JSON: little-endian 32-bit words in base64. */
export function tokensToText(tokens: Int32Array): string {
  const bytes = Buffer.alloc(tokens.length * 4);
  for (const [i, token] of tokens.entries()) bytes.writeInt32LE(token, i * 4);
  return bytes.toString('base64');
}

export function tokensFromText(text: string): Int32Array {
  return tokensFromBytes(Buffer.from(text, 'base64'));
}

export function tokensFromBytes(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: bytes.byteLength >> 2 }, (_, i) => view.getInt32(i * 4, true));
}
