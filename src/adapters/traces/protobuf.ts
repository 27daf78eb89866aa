/** Fields of protobuf messages, as bytes. A message is its fields one after the other. */

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

export function message(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

export function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([tag(number, BYTES), varint(bytes.length), bytes]);
}

export function textField(number: number, text: string): Uint8Array {
  return bytesField(number, Buffer.from(text, 'utf8'));
}

/** `value`: an integer that is not negative. */
export function varintField(number: number, value: number): Uint8Array {
  return Buffer.concat([tag(number, VARINT), varint(value)]);
}

export function fixed64Field(number: number, value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([tag(number, FIXED64), bytes]);
}

export function doubleField(number: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(number, FIXED64), bytes]);
}

export function fixed32Field(number: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return Buffer.concat([tag(number, FIXED32), bytes]);
}

function tag(number: number, wire: number): Uint8Array {
  return varint(number * 8 + wire);
}

/** Seven bits to a byte, the lowest first. Not by shifts: those have 32 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
