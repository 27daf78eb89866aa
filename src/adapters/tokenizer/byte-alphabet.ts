/**
 * GPT-2's printable alphabet: every byte as one character, so that a vocabulary of bytes can be written as JSON strings.
 * Printable Latin-1 stands for itself, the other 68 bytes follow from U+0100 on.
 */
export const BYTE_TO_CHAR: readonly string[] = buildAlphabet();

/** Indexed by UTF-16 code unit; -1 where the character stands for no byte. */
const CHAR_TO_BYTE = new Int16Array(0x200).fill(-1);
for (const [byte, char] of BYTE_TO_CHAR.entries()) CHAR_TO_BYTE[char.charCodeAt(0)] = byte;

const encoder = new TextEncoder();

/** The bytes a token of a byte-level vocabulary stands for; a token with any other character is taken as UTF-8 text. */
export function bytesOfByteLevelToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = CHAR_TO_BYTE[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** UTF-8 bytes written in the alphabet. */
export function toByteAlphabet(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += BYTE_TO_CHAR[byte];
  return out;
}

function buildAlphabet(): string[] {
  const isPrintable = (b: number) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : next++));
}
