/** The OpenAPI 3.1 document of the routes there are. */
import { z } from 'zod';
import { errorSchema, messagesErrorSchema } from './error-schemas.js';
import type { Operation } from './operation.js';

export interface Route {
  readonly method: string;
  /** As Fastify writes it. */
  readonly url: string;
}

export interface Document {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationBody>>>>;
  readonly components: object;
  readonly security: readonly object[];
}

export interface OperationBody {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, object>>;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A route without a description is listed all the same, by its name alone. */
export function documentOf(routes: readonly Route[], operations: readonly Operation[], version: string): Document {
  const described = new Map(operations.map((operation) => [nameOf(operation), operation]));
  const paths: Record<string, Record<string, OperationBody>> = {};
  for (const route of listed(routes)) {
    const operation = described.get(nameOf(route)) ?? undescribed(route);
    (paths[pathOf(route.url)] ??= {})[operation.method] = bodyOf(operation);
  }
  const schemas = { Error: schemaOf(errorSchema), MessagesError: schemaOf(messagesErrorSchema) };
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer' }, apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' } };
  return {
    openapi: '3.1.0',
    info: { title: 'semantic', version },
    paths,
    components: { schemas, securitySchemes },
    security: [{}, { bearer: [] }, { apiKey: [] }],
  };
}

export const UNDESCRIBED = 'Not described.';

function undescribed({ method, url }: Route): Operation {
  return { method: method.toLowerCase() as Operation['method'], url, tag: 'Other', summary: UNDESCRIBED, answer: z.unknown() };
}

/** Without those that Fastify adds by itself: HEAD beside GET. */
function listed(routes: readonly Route[]): readonly Route[] {
  const names = new Set(routes.map(nameOf));
  return routes.filter(({ method, url }) => method.toLowerCase() !== 'head' || !names.has(nameOf({ method: 'get', url })));
}

function nameOf({ method, url }: Route): string {
  return `${method.toLowerCase()} ${url}`;
}

function pathOf(url: string): string {
  return url.replaceAll(/:(\w+)/g, '{$1}');
}

function bodyOf(operation: Operation): OperationBody {
  const { method, url, tag, summary, query, body, bodyIsOptional } = operation;
  const inPath = [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: schemaOf(schema as z.ZodType),
  }));
  const parameters = [...inPath, ...inQuery];
  const taken: Record<string, { readonly schema: JsonSchema }> | undefined =
    body === null ? { 'application/octet-stream': { schema: {} } } : body && { 'application/json': { schema: schemaOf(body) } };
  return {
    operationId: `${method}${url.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    tags: [tag],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(taken === undefined ? {} : { requestBody: { required: bodyIsOptional !== true, content: taken } }),
    responses: responsesOf(operation),
  };
}

/** Of each event of a stream. */
const EVENT = { type: 'object', properties: { event: { type: 'string' }, data: { type: 'string' } }, required: ['data'] };

function responsesOf({ answer, status = 200, streams, also = [], errors, summary, url }: Operation): Record<string, object> {
  const content: Record<string, object> = {};
  if (answer === null) content['application/octet-stream'] = {};
  else if (answer !== undefined) content['application/json'] = { schema: schemaOf(answer) };
  else if (url === '/docs') content['text/html'] = { schema: { type: 'string' } };
  if (streams !== undefined) content['text/event-stream'] = { schema: EVENT };
  const answered = { description: summary, ...(Object.keys(content).length === 0 ? {} : { content }) };
  const [own, messages] = ['Error', 'MessagesError'].map((name) => ({ $ref: `#/components/schemas/${name}` }));
  const schema = errors === 'either' ? { anyOf: [own, messages] } : errors === 'messages' ? messages : own;
  const refused = (description: string): object => ({ description, content: { 'application/json': { schema } } });
  return {
    [status]: answered,
    ...Object.fromEntries(also.map((other) => [other, answered])),
    '4XX': refused('What is wrong with the request, or that it has to wait.'),
    '5XX': refused('What keeps the daemon from answering.'),
  };
}

export function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}
