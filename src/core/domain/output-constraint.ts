/** What the text of an answer has to be; the sampler sees to it. docs/constraints.md says what of each language is understood. */
export type OutputConstraint =
  /** A JSON object of any shape. */
  | { readonly kind: 'json_object' }
  /** A JSON text that is valid against a schema, draft 2020-12. */
  | { readonly kind: 'json_schema'; readonly schema: unknown }
  /** A text that the expression matches from its start to its end. */
  | { readonly kind: 'regex'; readonly pattern: string }
  /** A text that rule `root` of a grammar in GBNF derives. */
  | { readonly kind: 'grammar'; readonly source: string }
  /** Calls of tools as a model family writes them. */
  | { readonly kind: 'tool_calls'; readonly tools: readonly CallableTool[]; readonly syntax: ToolCallSyntax; readonly parallel: boolean }
  /** Any text; where it says `mark`, a call follows. */
  | {
      readonly kind: 'marked_calls';
      readonly tools: readonly CallableTool[];
      readonly syntax: MarkedCallSyntax;
      readonly parallel: boolean;
    };

export interface CallableTool {
  readonly name: string;
  /** JSON schema of its arguments. */
  readonly parameters: unknown;
}

/** `open` (`before` name `between` arguments `after`), separated by `separator`, `close`. */
export interface ToolCallSyntax {
  readonly open: string;
  readonly before: string;
  readonly between: string;
  readonly after: string;
  readonly separator: string;
  readonly close: string;
}

/** `mark` (`before` name `between` arguments `after`). */
export interface MarkedCallSyntax extends Pick<ToolCallSyntax, 'before' | 'between' | 'after'> {
  readonly mark: string;
}
