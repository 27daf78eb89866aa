/** The schema that pointers go into, and what is said when something in it is wrong. */
import { refuse } from '../refuse.js';
import { isKnown } from './keywords.js';
import { type Schema, type SchemaObject, isSchemaObject } from './schema-types.js';

export class SchemaDocument {
  /** `name` stands before paths in messages, for schemas that are part of something. */
  constructor(
    private readonly root: unknown,
    private readonly name: string,
  ) {}

  /** Throws InvalidRequest where a value is no schema, or has a keyword that we would have to ignore. */
  schema(value: unknown, path: string): Schema {
    if (typeof value === 'boolean') return value;
    if (!isSchemaObject(value)) return this.fail(path, `should be a schema, is ${JSON.stringify(value) ?? 'missing'}`);
    for (const keyword of Object.keys(value)) {
      if (!isKnown(keyword)) this.fail(`${path}/${escape(keyword)}`, `keyword ${JSON.stringify(keyword)} is not supported`);
    }
    return value;
  }

  resolve(reference: unknown, path: string): { readonly schema: Schema; readonly path: string } {
    if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
      this.fail(path, `$ref ${JSON.stringify(reference)} is not supported: only pointers within the schema are, such as "#/$defs/name"`);
    }
    let value = this.root;
    for (const part of reference.split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      const holds = (Array.isArray(value) || isSchemaObject(value)) && Object.hasOwn(value, key);
      if (!holds) this.fail(path, `$ref ${JSON.stringify(reference)} leads nowhere`);
      value = (value as SchemaObject)[key];
    }
    return { schema: this.schema(value, reference), path: reference };
  }

  fail(path: string, what: string): never {
    return refuse('json_schema', `${this.name}${path}: ${what}`, 'docs/constraints.md lists what schemas may hold.');
  }
}

/** As part of a JSON pointer. */
export function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
