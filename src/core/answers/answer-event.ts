/** What a model says, told apart: text, thinking and tool calls. Pieces come as they are sampled; arguments are pieces of one JSON object. */
export type AnswerEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly json: string }
  | { readonly type: 'call_end'; readonly index: number };
