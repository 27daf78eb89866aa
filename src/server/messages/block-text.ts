/** What a model reads of blocks that are not plain text. */
import { toolList } from '../../core/answers/tool-prompt.js';
import type { ToolDefinition } from '../../core/answers/conversation.js';
import { invalidField } from '../request-body.js';
import type { BlockBody, ResultPart, ToolResult } from './schema.js';
import type { Tools } from './tools.js';

type Document = Extract<BlockBody, { readonly type: 'document' }>;
type SearchResult = Extract<BlockBody, { readonly type: 'search_result' }>;

export function resultText({ content, is_error: isError }: ToolResult, tools: Tools, param: string): string {
  const parts = typeof content === 'string' ? [content] : (content ?? []).map((part, i) => partText(part, tools, `${param}.content[${i}]`));
  return `${isError === true ? 'Error: ' : ''}${parts.filter((part) => part !== '').join('\n')}`;
}

function partText(part: ResultPart, tools: Tools, param: string): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'tool_reference') return loadedText(part.tool_name, tools.load(part.tool_name));
  if (part.type === 'search_result') return searchResultText(part);
  if (part.type === 'document') return documentText(part, param);
  throw unreadable(part.type, param);
}

/** A tool is told of once, where it is loaded. */
export function loadedText(name: string, tool: ToolDefinition | null): string {
  return tool === null ? `Tool loaded: ${name}` : `Tool loaded: ${name}\n${toolList([tool])}`;
}

export function searchResultText({ title, source, content }: SearchResult): string {
  return [title, source, ...content.map(({ text }) => text)].filter((text) => text !== '').join('\n');
}

export function documentText({ title, context, source }: Document, param: string): string {
  return [title ?? '', context ?? '', sourceText(source, `${param}.source`)].filter((text) => text !== '').join('\n');
}

function sourceText(source: Document['source'], param: string): string {
  if (source.type === 'text') return source.data;
  if (source.type !== 'content') throw unreadable(`document (${source.type})`, param);
  if (typeof source.content === 'string') return source.content;
  const parts = source.content.map((part, i) => {
    if (part.type === 'text') return part.text;
    throw unreadable(part.type, `${param}.content[${i}]`);
  });
  return parts.join('\n');
}

export function unreadable(type: string, param: string): Error {
  return invalidField(param, `this model reads text only, got a block of type "${type}"`);
}
