/**
 * A receiver of OTLP/HTTP in a process of its own. It decodes with the field numbers of the .proto files and nothing of ours, and prints a JSON
 * line for every request: `{ url, headers, spans, resource }`. Arguments: the port (0 = any), and what it does: `ok`, `hang`, or a status.
 */
import { createServer } from 'node:http';

const [port = '0', behaviour = 'ok'] = process.argv.slice(2);

/** @param {Buffer} bytes @returns {Generator<{ field: number, wire: number, value: bigint | Buffer }>} */
function* fieldsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('cut');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (/** @type {number} */ length) => {
    if (at + length > bytes.length) throw new Error('cut');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) yield { field, wire, value: varint() };
    else if (wire === 1) yield { field, wire, value: take(8) };
    else if (wire === 2) yield { field, wire, value: take(Number(varint())) };
    else if (wire === 5) yield { field, wire, value: take(4) };
    else throw new Error(`wire type ${wire}`);
  }
}

/** @param {Buffer} bytes */
function all(bytes) {
  /** @type {Map<number, any[]>} */
  const found = new Map();
  for (const { field, value } of fieldsOf(bytes)) found.set(field, [...(found.get(field) ?? []), value]);
  return {
    messages: (/** @type {number} */ field) => found.get(field) ?? [],
    text: (/** @type {number} */ field) => found.get(field)?.[0]?.toString('utf8') ?? null,
    hex: (/** @type {number} */ field) => found.get(field)?.[0]?.toString('hex') ?? null,
    number: (/** @type {number} */ field) => Number(found.get(field)?.[0] ?? 0n),
    nanos: (/** @type {number} */ field) => found.get(field)?.[0]?.readBigUInt64LE().toString() ?? null,
    fixed32: (/** @type {number} */ field) => found.get(field)?.[0]?.readUInt32LE() ?? 0,
  };
}

/** @param {Buffer} bytes @returns {unknown} */
function valueOf(bytes) {
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === 1) return value.toString();
    if (field === 2) return value === 1n;
    if (field === 3) return Number(value);
    if (field === 4) return /** @type {Buffer} */ (value).readDoubleLE();
    if (field === 5) return all(/** @type {Buffer} */ (value)).messages(1).map(valueOf);
  }
  return null;
}

/** @param {Buffer[]} list */
function attributesOf(list) {
  return Object.fromEntries(
    list.map((bytes) => {
      const pair = all(bytes);
      return [pair.text(1), valueOf(pair.messages(2)[0])];
    }),
  );
}

/** @param {Buffer} bytes */
function spanOf(bytes) {
  const span = all(bytes);
  const status =
    span.messages(15).map((/** @type {Buffer} */ part) => ({ message: all(part).text(2), code: all(part).number(3) }))[0] ?? null;
  return {
    traceId: span.hex(1),
    spanId: span.hex(2),
    parentId: span.hex(4),
    name: span.text(5),
    kind: span.number(6),
    start: span.nanos(7),
    end: span.nanos(8),
    attributes: attributesOf(span.messages(9)),
    events: span.messages(11).map((/** @type {Buffer} */ part) => ({ at: all(part).nanos(1), name: all(part).text(2) })),
    status,
    flags: span.fixed32(16),
  };
}

/** @param {Buffer} body */
function decoded(body) {
  const ofResources = all(body).messages(1).map(all);
  return {
    resource: attributesOf(ofResources.flatMap((part) => part.messages(1)).flatMap((part) => all(part).messages(1))),
    spans: ofResources.flatMap((part) => part.messages(2)).flatMap((part) => all(part).messages(2).map(spanOf)),
  };
}

const server = createServer((request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { url, headers } = request;
    try {
      process.stdout.write(`${JSON.stringify({ url, headers, ...decoded(Buffer.concat(chunks)) })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ url, headers, undecodable: String(error), spans: [], resource: {} })}\n`);
    }
    if (behaviour === 'hang') return;
    response.writeHead(behaviour === 'ok' ? 200 : Number(behaviour), { 'content-type': 'application/x-protobuf' }).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : null })}\n`);
});
