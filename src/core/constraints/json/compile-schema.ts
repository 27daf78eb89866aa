/** JSON Schema -> rules. What it derives is valid; of what is valid it leaves out other orders of members, and whatever docs/constraints.md names. */
import { type GrammarNode, choice } from '../grammar/node.js';
import type { RuleSet } from '../grammar/rule-set.js';
import type { GrammarLimits, JsonLayout } from '../limits.js';
import { areDisjoint } from './are-disjoint.js';
import { compileArray } from './compile-array.js';
import { compileNumber } from './compile-number.js';
import { compileObject } from './compile-object.js';
import { compileString } from './compile-string.js';
import { anyObject, anyValue } from './any-value.js';
import { BOOLEAN, NULL, valueLiteral } from './json-text.js';
import { KEYWORDS_OF, isNote } from './keywords.js';
import { mergeSchemas } from './merge-schemas.js';
import { SchemaDocument } from './schema-document.js';
import { type JsonType, type Schema, type SchemaObject, TYPES, hasType, isSchemaObject, typeOf } from './schema-types.js';

const MAX_DEPTH = 200;

/** What the parts for single types are given. */
export interface SchemaCompiler {
  readonly rules: RuleSet;
  readonly layout: JsonLayout;
  readonly document: SchemaDocument;
  compile(schema: unknown, path: string): GrammarNode;
}

/** `name` stands before paths in messages. */
export function compileSchema(schema: unknown, name: string, rules: RuleSet, limits: GrammarLimits): GrammarNode {
  return new Compiler(schema, name, rules, limits).compile(schema, '#');
}

class Compiler implements SchemaCompiler {
  readonly document: SchemaDocument;
  readonly layout: JsonLayout;
  readonly #references = new Map<string, GrammarNode>();
  #depth = 0;
  #parts = 0;

  constructor(
    root: unknown,
    private readonly name: string,
    readonly rules: RuleSet,
    private readonly limits: GrammarLimits,
  ) {
    this.layout = limits.json;
    this.document = new SchemaDocument(root, name);
  }

  compile(value: unknown, path: string): GrammarNode {
    this.#count(path);
    if (++this.#depth > MAX_DEPTH) this.document.fail(path, `schemas are nested deeper than ${MAX_DEPTH}`);
    const schema = this.document.schema(value, path);
    const node = schema === true ? anyValue(this.rules, this.layout) : this.#compile(this.#possible(schema, path), path);
    this.#depth -= 1;
    return node;
  }

  /** What a schema says may be said again for each branch beside it, and so on: few words can come to a lot. */
  #count(path: string): void {
    if (++this.#parts > this.limits.maxStates) this.document.fail(path, `it comes to more than ${this.limits.maxStates} parts`);
  }

  #possible(schema: Schema, path: string): SchemaObject {
    return isSchemaObject(schema) ? schema : this.document.fail(path, 'nothing is valid against false');
  }

  #compile(schema: SchemaObject, path: string): GrammarNode {
    if (schema['$ref'] !== undefined && restOf(schema, '$ref') === null) return this.#reference(schema['$ref'], path);
    const plain = this.#flatten(schema, path);
    const node = this.#alternatives(plain, path);
    return plain['nullable'] === true ? choice(node, NULL) : node;
  }

  #reference(reference: unknown, path: string): GrammarNode {
    const target = this.document.resolve(reference, path);
    const known = this.#references.get(target.path);
    if (known !== undefined) return known;
    return this.rules.add(`${this.name}${target.path}`, (self) => {
      this.#references.set(target.path, self);
      return this.compile(target.schema, target.path);
    });
  }

  /** Without $ref and allOf: what they say is merged into the rest. */
  #flatten(schema: SchemaObject, path: string, depth = 0): SchemaObject {
    if (depth > MAX_DEPTH) this.document.fail(path, 'its $ref and allOf lead back to themselves');
    let plain: SchemaObject = Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$ref' && key !== 'allOf'));
    const parts: { readonly schema: Schema; readonly path: string }[] = [];
    if (schema['$ref'] !== undefined) parts.push(this.document.resolve(schema['$ref'], path));
    const all = schema['allOf'] === undefined ? [] : this.list(schema['allOf'], `${path}/allOf`);
    all.forEach((part, i) => parts.push({ schema: this.document.schema(part, `${path}/allOf/${i}`), path: `${path}/allOf/${i}` }));
    for (const part of parts) {
      if (part.schema === true) continue;
      const flat = this.#flatten(this.#possible(part.schema, part.path), part.path, depth + 1);
      plain = mergeSchemas(plain, flat, this.document, path);
    }
    return plain;
  }

  #alternatives(schema: SchemaObject, path: string): GrammarNode {
    const keyword = schema['anyOf'] !== undefined ? 'anyOf' : 'oneOf';
    if (schema[keyword] === undefined) return this.#value(schema, path);
    const { [keyword]: branches, ...rest } = schema;
    if (rest['oneOf'] !== undefined) this.document.fail(path, 'anyOf beside oneOf is not supported');
    const items = this.list(branches, `${path}/${keyword}`);
    if (keyword === 'oneOf') this.#assertDisjoint(items, `${path}/oneOf`);
    const hasRest = Object.keys(rest).some((key) => !isNote(key) && key !== 'nullable');
    const nodes = items.flatMap((branch, i) => {
      const at = `${path}/${keyword}/${i}`;
      if (branch === false) return [];
      return [this.compile(hasRest ? { allOf: [rest, branch] } : branch, at)];
    });
    return nodes.length > 0 ? choice(...nodes) : this.document.fail(path, `${keyword} has no branch that anything is valid against`);
  }

  #assertDisjoint(branches: readonly unknown[], path: string): void {
    branches.forEach((branch, i) => {
      const other = branches.findIndex((one, j) => {
        if (j <= i) return false;
        this.#count(path);
        return !areDisjoint(branch, one, this.document, path);
      });
      if (other < 0) return;
      this.document.fail(
        path,
        `branches ${i} and ${other} are not told apart by type, constant or a required member: write anyOf if both may hold`,
      );
    });
  }

  #value(schema: SchemaObject, path: string): GrammarNode {
    if (Object.hasOwn(schema, 'const') || schema['enum'] !== undefined) return this.#constants(schema, path);
    const types = this.#types(schema, path);
    if (types === null) return anyValue(this.rules, this.layout);
    const nodes = types.filter((type) => type !== 'integer' || !types.includes('number')).map((type) => this.#typed(type, schema, path));
    return nodes.length > 0 ? choice(...nodes) : this.document.fail(path, 'no type is left that a value could have');
  }

  #typed(type: JsonType, schema: SchemaObject, path: string): GrammarNode {
    switch (type) {
      case 'null':
        return NULL;
      case 'boolean':
        return BOOLEAN;
      case 'integer':
      case 'number':
        return compileNumber(schema, type, path, this);
      case 'string':
        return compileString(schema, path, this);
      case 'array':
        return this.rules.add(`${this.name}${path}`, () => compileArray(schema, path, this));
      case 'object':
        return isAnyObject(schema)
          ? anyObject(this.rules, this.layout)
          : this.rules.add(`${this.name}${path}`, () => compileObject(schema, path, this));
    }
  }

  #constants(schema: SchemaObject, path: string): GrammarNode {
    const values = Object.hasOwn(schema, 'const') ? [schema['const']] : this.list(schema['enum'], `${path}/enum`);
    for (const keyword of Object.keys(schema)) {
      const isPlain = isNote(keyword) || ['enum', 'const', 'type', 'nullable'].includes(keyword);
      if (!isPlain) this.document.fail(path, `${keyword} beside enum or const is not supported`);
    }
    if (Object.hasOwn(schema, 'const') && schema['enum'] !== undefined) this.document.fail(path, 'enum beside const is not supported');
    const types = this.#types(schema, path);
    const possible = values.filter((value) => types === null || hasType(types, typeOf(value)));
    return possible.length > 0 ? choice(...possible.map(valueLiteral)) : this.document.fail(path, 'no value of enum is left that is valid');
  }

  /** Null: any. Without `type` the keywords say what is meant. */
  #types(schema: SchemaObject, path: string): readonly JsonType[] | null {
    if (schema['type'] === undefined) {
      const meant = TYPES.filter((type) => KEYWORDS_OF[type]?.some((keyword) => schema[keyword] !== undefined));
      return meant.length > 0 ? meant : null;
    }
    const types = [schema['type']].flat();
    for (const type of types) {
      if (!TYPES.includes(type as JsonType))
        this.document.fail(`${path}/type`, `wanted one of ${TYPES.join(', ')}, got ${JSON.stringify(type)}`);
    }
    return [...new Set(types as JsonType[])];
  }

  list(value: unknown, path: string): readonly unknown[] {
    return Array.isArray(value) ? value : this.document.fail(path, 'should be a list');
  }
}

/** What else a schema says besides a keyword; null = nothing. */
function restOf(schema: SchemaObject, keyword: string): SchemaObject | null {
  const others = Object.entries(schema).filter(([key]) => key !== keyword && !isNote(key));
  return others.length > 0 ? Object.fromEntries(others) : null;
}

function isAnyObject(schema: SchemaObject): boolean {
  return KEYWORDS_OF.object!.every((keyword) => schema[keyword] === undefined);
}
