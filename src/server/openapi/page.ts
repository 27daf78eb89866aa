/** The document as one page of HTML: nothing is loaded from anywhere. */
import type { Document, JsonSchema, OperationBody } from './document.js';

export function pageOf(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags[0] ?? ''))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags[0] === tag);
    return `<h2 id="${escaped(tag)}">${escaped(tag)}</h2>${own.map(({ path, method, operation }) => operationOf(method, path, operation)).join('')}`;
  });
  const { title, version } = document.info;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)} API</title>
<style>${STYLE}</style></head><body>
<h1>${escaped(title)} <small>${escaped(version)}</small></h1>
<p><a href="/openapi.json">openapi.json</a> · ${tags.map((tag) => `<a href="#${escaped(tag)}">${escaped(tag)}</a>`).join(' · ')}</p>
${sections.join('\n')}
</body></html>
`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,b{font-family:ui-monospace,monospace}b{text-transform:uppercase}small{color:#777}
details{border:1px solid #ddd;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}
table{border-collapse:collapse;margin:.5rem 0}td{border-top:1px solid #eee;padding:.15rem .8rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}details{border-color:#444}td{border-color:#333}a{color:#8bf}}`;

function operationOf(method: string, path: string, operation: OperationBody): string {
  const schema = operation.requestBody?.content['application/json']?.schema;
  const statuses = Object.entries(operation.responses).map(([status, response]) => {
    const types = Object.keys((response as { readonly content?: object }).content ?? {});
    return `<tr><td><code>${escaped(status)}</code></td><td>${escaped(types.join(', ') || 'no body')}</td></tr>`;
  });
  return `<details><summary><b>${escaped(method)}</b> <code>${escaped(path)}</code> ${escaped(operation.summary)}</summary>
${schema === undefined ? '' : fieldsOf(schema)}<table>${statuses.join('')}</table></details>`;
}

function fieldsOf(schema: JsonSchema): string {
  const required = new Set(schema['required'] as readonly string[] | undefined);
  const rows = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).map(
    ([name, field]) =>
      `<tr><td><code>${escaped(name)}</code>${required.has(name) ? ' <small>required</small>' : ''}</td><td>${escaped(typeOf(field))}</td></tr>`,
  );
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

/** In a few words; the document has it in full. */
function typeOf(schema: JsonSchema): string {
  const {
    const: constant,
    enum: values,
    anyOf,
    oneOf,
    type,
    items,
  } = schema as {
    readonly const?: unknown;
    readonly enum?: readonly unknown[];
    readonly anyOf?: readonly JsonSchema[];
    readonly oneOf?: readonly JsonSchema[];
    readonly type?: string;
    readonly items?: JsonSchema;
  };
  if (constant !== undefined) return JSON.stringify(constant);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  const some = anyOf ?? oneOf;
  if (some !== undefined) return [...new Set(some.map(typeOf))].join(' | ');
  if (type === 'array') return `array of ${items === undefined ? 'anything' : typeOf(items)}`;
  const { minimum, maximum } = schema as { readonly minimum?: number; readonly maximum?: number };
  const bounds = [minimum, maximum].some((bound) => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER);
  return `${type ?? 'anything'}${bounds ? ` ${minimum ?? ''}..${maximum === Number.MAX_SAFE_INTEGER ? '' : (maximum ?? '')}` : ''}`;
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
