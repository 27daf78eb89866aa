/** What can be asked for, as the daemon's own document has it. */
import type { Document, JsonSchema } from '../../../src/server/openapi/document.js';

export interface Route {
  /** `post /v1/agents/{id}/fork`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Of its body; null = it takes none, or any bytes. */
  readonly schema: JsonSchema | null;
  readonly query: readonly string[];
}

export function routesOf(document: Document): readonly Route[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method} ${path}`,
      method: method.toUpperCase(),
      path,
      schema: operation.requestBody?.content['application/json']?.schema ?? null,
      query: ((operation.parameters ?? []) as readonly { readonly in: string; readonly name: string }[])
        .filter((parameter) => parameter.in === 'query')
        .map(({ name }) => name),
    })),
  );
}
