/**
 * Tools of the Responses API -> those that the model is told of. A model calls by one name: functions keep theirs, tools of a namespace get
 * it before theirs where another tool has the name already, and a custom tool, which takes any text, is a function with one string. Tools
 * that the vendor runs itself (web_search and the like) are left out: there is nobody here to run them.
 */
import type { z } from 'zod';
import type { ToolDefinition } from '../../core/answers/conversation.js';
import { parseBody } from '../request-body.js';
import { type RawItem, TOOL_SCHEMAS } from './schema.js';

export interface OfferedTool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly namespace: string | null;
  /** What the model calls it. */
  readonly definition: ToolDefinition;
}

const FREEFORM = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
};

export class OfferedTools {
  readonly #tools = new Map<string, OfferedTool>();

  /** Adds those that are not there yet. `at`: the field they are of. */
  add(bodies: readonly RawItem[], at: string, namespace: string | null = null): void {
    bodies.forEach((body, i) => {
      const where = `${at}[${i}]`;
      if (body.type === 'function') {
        const { name, description, parameters, strict } = parseBody(TOOL_SCHEMAS.function, body, where);
        const told = { description: description ?? null, parameters: parameters ?? { type: 'object', properties: {} } };
        this.#offer('function', name, namespace, { ...told, ...(strict === true ? { isStrict: true } : {}) });
      } else if (body.type === 'custom') {
        const { name, description, format } = parseBody(TOOL_SCHEMAS.custom, body, where);
        const told = [description, grammarOf(format)].filter((text) => text !== null && text !== undefined).join('\n\n');
        this.#offer('custom', name, namespace, { description: told === '' ? null : told, parameters: FREEFORM });
      } else if (body.type === 'namespace' && namespace === null) {
        const { name, tools } = parseBody(TOOL_SCHEMAS.namespace, body, where);
        this.add(tools, `${where}.tools`, name);
      }
    });
  }

  get definitions(): readonly ToolDefinition[] {
    return [...this.#tools.values()].map(({ definition }) => definition);
  }

  /** By what the model calls it. */
  called(name: string): OfferedTool | null {
    return this.#tools.get(name) ?? null;
  }

  /** By what the client calls it; null where it is not offered. */
  find(name: string, namespace: string | null): OfferedTool | null {
    for (const tool of this.#tools.values()) if (tool.name === name && tool.namespace === namespace) return tool;
    return null;
  }

  /** What the model calls a tool, offered any more or not. */
  modelName(name: string, namespace: string | null): string {
    return this.find(name, namespace)?.definition.name ?? name;
  }

  /** Only these are left. */
  keep(isKept: (tool: OfferedTool) => boolean): void {
    for (const [name, tool] of this.#tools) if (!isKept(tool)) this.#tools.delete(name);
  }

  #offer(kind: OfferedTool['kind'], name: string, namespace: string | null, told: Omit<ToolDefinition, 'name'>): void {
    if (this.find(name, namespace) !== null) return;
    const called = namespace !== null && this.#tools.has(name) ? `${namespace}__${name}` : name;
    if (this.#tools.has(called)) return;
    this.#tools.set(called, { kind, name, namespace, definition: { name: called, ...told } });
  }
}

type FormatBody = z.output<typeof TOOL_SCHEMAS.custom>['format'];

/** Null where any text will do. */
function grammarOf(format: FormatBody): string | null {
  if (typeof format?.definition !== 'string') return null;
  return `Its input has to fit this ${format.syntax ?? ''} grammar:\n${format.definition}`;
}
