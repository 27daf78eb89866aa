/** What a constraint may come to, and how JSON may be laid out. From the configuration, section [constraints]. */
export interface ConstraintLimits {
  /** Of a schema, expression or grammar as text. */
  readonly maxSourceBytes: number;
  /** Of the automaton, all rules together. */
  readonly maxStates: number;
  readonly compileTimeoutMs: number;
  /** Ways to read a text at once: an ambiguous grammar has many. */
  readonly maxReadings: number;
  /** Of masks, for all compiled constraints together. */
  readonly maskCacheMb: number;
  /** Compiled constraints that are kept for the next request with the same one. */
  readonly maxCompiled: number;
  readonly json: JsonLayout;
}

export interface JsonLayout {
  /** `compact`: no whitespace outside strings; `bounded`: a space, or a line break with an indentation, where people write one. */
  readonly whitespace: 'compact' | 'bounded';
  /** Most spaces of an indentation. */
  readonly maxIndent: number;
}

/** What bounds the making of a grammar. */
export type GrammarLimits = Pick<ConstraintLimits, 'maxStates' | 'json'>;
