/** Tools of the Messages API: those of the client, which of them the model is told of at the start, and which it may or must call. */
import type { ToolChoice, ToolDefinition } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import type { BlockBody, OwnTool, PromptBody, ToolBody } from './schema.js';

/** Tools by name; those with `defer_loading` are told of where the conversation loads them. */
export class Tools {
  readonly #own: ReadonlyMap<string, OwnTool>;
  readonly #loaded = new Map<string, ToolDefinition>();
  readonly #removed = new Set<string>();

  constructor(private readonly body: PromptBody) {
    this.#own = new Map((body.tools ?? []).filter(isOwn).map((tool) => [tool.name, tool]));
  }

  /** What the model is told of a tool where it is loaded; null of one that there is not, or that it has been told of. */
  load(name: string): ToolDefinition | null {
    this.#removed.delete(name);
    const tool = this.#own.get(name);
    return tool?.defer_loading === true ? this.#take(tool) : null;
  }

  /** A tool that a message brings along, or one of those that are there. */
  add(block: Extract<BlockBody, { readonly type: 'tool_addition' | 'tool_removal' }>): ToolDefinition | null {
    const { tool } = block;
    if (tool.type === 'tool_reference') return this.load(tool.name);
    return tool.type === 'tool_definition' && isOwn(tool.definition) ? this.#take(tool.definition) : null;
  }

  remove(name: string): void {
    this.#removed.add(name);
  }

  /** All that the model may call now; once the messages have been read. */
  offered(): ToolDefinition[] {
    const told = [...this.#own.values()].filter(({ defer_loading: isDeferred }) => isDeferred !== true).map(toDefinition);
    // Told of at the start, a tool that is not to be called any more stays there: what stands before must not change.
    return [...told, ...this.#loaded.values()].map((tool) => (this.#removed.has(tool.name) ? { ...tool, isWithdrawn: true } : tool));
  }

  choice(offered: readonly ToolDefinition[]): ToolChoice {
    const { tool_choice: choice, tools } = this.body;
    if (choice === null || choice === undefined) return { type: 'auto' };
    const callable = offered.filter(({ isWithdrawn }) => isWithdrawn !== true);
    const vendors = (tools ?? []).filter((tool) => !isOwn(tool));
    if (choice.type === 'tool') {
      if (callable.some(({ name }) => name === choice.name)) return { type: 'tool', name: choice.name };
      // One that the vendor would run: nobody does here, so the model answers by itself.
      if (vendors.some((tool) => tool['name'] === choice.name)) return { type: 'auto' };
      throw invalidField('tool_choice.name', `there is no tool ${JSON.stringify(choice.name)} among the tools`);
    }
    if (choice.type !== 'any' || callable.length > 0) return { type: choice.type };
    if (vendors.length > 0) return { type: 'auto' };
    throw invalidField('tool_choice', 'wanted tools beside it to choose from');
  }

  #take(tool: OwnTool): ToolDefinition | null {
    this.#removed.delete(tool.name);
    if (this.#loaded.has(tool.name)) return null;
    const definition = { ...toDefinition(tool), isToldLater: true };
    this.#loaded.set(tool.name, definition);
    return definition;
  }
}

function isOwn(tool: ToolBody): tool is OwnTool {
  return 'input_schema' in tool && typeof tool.input_schema === 'object' && (tool.type ?? 'custom') === 'custom';
}

function toDefinition({ name, description, input_schema: parameters, strict }: OwnTool): ToolDefinition {
  return { name, description: description ?? null, parameters, ...(strict === true ? { isStrict: true } : {}) };
}
