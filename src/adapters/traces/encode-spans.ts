/** Spans as an ExportTraceServiceRequest of OTLP 1.x; the numbers are those of its .proto files. */
import { bytesField, doubleField, fixed32Field, fixed64Field, message, textField, varintField } from './protobuf.js';
import type { Attributes, AttributeValue, Span, SpanEvent } from './span.js';

const KINDS = { internal: 1, server: 2 } as const;
const STATUS_ERROR = 2;
/** Sampled; it is known whether the parent is remote; it is. */
const [SAMPLED, KNOWS_REMOTE, IS_REMOTE] = [0x1, 0x100, 0x200] as const;

/** `resource`: what they are all of. */
export function encodeSpans(spans: readonly Span[], resource: Attributes, version: string): Uint8Array {
  const scope = message([textField(1, 'semantic'), textField(2, version)]);
  const scopeSpans = message([bytesField(1, scope), ...spans.map((span) => bytesField(2, encodeSpan(span)))]);
  const resourceSpans = message([bytesField(1, message(attributeFields(1, resource))), bytesField(2, scopeSpans)]);
  return message([bytesField(1, resourceSpans)]);
}

function encodeSpan(span: Span): Uint8Array {
  const { parentId } = span;
  return message([
    bytesField(1, Buffer.from(span.traceId, 'hex')),
    bytesField(2, Buffer.from(span.spanId, 'hex')),
    ...(parentId === null ? [] : [bytesField(4, Buffer.from(parentId, 'hex'))]),
    textField(5, span.name),
    varintField(6, KINDS[span.kind]),
    fixed64Field(7, nanos(span.startMs)),
    fixed64Field(8, nanos(span.endMs)),
    ...attributeFields(9, span.attributes),
    ...span.events.map((event) => bytesField(11, encodeEvent(event))),
    ...(span.error === null ? [] : [bytesField(15, message([textField(2, span.error), varintField(3, STATUS_ERROR)]))]),
    fixed32Field(16, SAMPLED | KNOWS_REMOTE | (span.isParentRemote ? IS_REMOTE : 0)),
  ]);
}

function encodeEvent({ name, atMs }: SpanEvent): Uint8Array {
  return message([fixed64Field(1, nanos(atMs)), textField(2, name)]);
}

function attributeFields(number: number, attributes: Attributes): Uint8Array[] {
  return Object.entries(attributes).map(([key, value]) =>
    bytesField(number, message([textField(1, key), bytesField(2, encodeValue(value))])),
  );
}

function encodeValue(value: AttributeValue): Uint8Array {
  if (typeof value === 'string') return textField(1, value);
  if (typeof value === 'boolean') return varintField(2, Number(value));
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? varintField(3, value) : doubleField(4, value);
  return bytesField(5, message(value.map((one) => bytesField(1, textField(1, one)))));
}

/** Microseconds are what a number of milliseconds since 1970 has room for. */
function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
