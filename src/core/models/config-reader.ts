import { SemanticError } from '../domain/errors.js';

/** Checked access to config.json: a value of the wrong kind is an error that names the key, what was wanted and what was got. */
export class ConfigReader {
  constructor(
    /** `model_type`, for messages. */
    readonly architecture: string,
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly path: string = '',
  ) {}

  /** null counts as absent, as in the files that Hugging Face writes. */
  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  positiveInteger(key: string, fallback?: number): number {
    return this.read(key, fallback, 'a positive integer', (v): v is number => Number.isSafeInteger(v) && (v as number) > 0);
  }

  positiveNumber(key: string, fallback?: number): number {
    return this.read(key, fallback, 'a positive number', (v): v is number => typeof v === 'number' && Number.isFinite(v) && v > 0);
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.read(key, fallback, 'true or false', (v): v is boolean => typeof v === 'boolean');
  }

  text(key: string, fallback?: string): string {
    return this.read(key, fallback, 'a string', (v): v is string => typeof v === 'string');
  }

  /** A list of strings, one per layer. */
  texts(key: string, length: number): readonly string[] | null {
    if (!this.has(key)) return null;
    const isTexts = (v: unknown): v is readonly string[] =>
      Array.isArray(v) && v.length === length && v.every((x) => typeof x === 'string');
    return this.read(key, undefined, `a list of ${length} strings`, isTexts);
  }

  /** A list of 0s and 1s (or booleans), one per layer. */
  flags(key: string, length: number): readonly boolean[] | null {
    if (!this.has(key)) return null;
    const isFlags = (v: unknown): v is readonly (0 | 1 | boolean)[] =>
      Array.isArray(v) && v.length === length && v.every((x) => x === 0 || x === 1 || typeof x === 'boolean');
    return this.read(key, undefined, `a list of ${length} flags, 0 or 1`, isFlags).map(Boolean);
  }

  /** Indices of layers; absent = none. */
  layerIndices(key: string, layers: number): readonly number[] {
    const isIndices = (v: unknown): v is readonly number[] =>
      Array.isArray(v) && v.every((x) => Number.isSafeInteger(x) && (x as number) >= 0 && (x as number) < layers);
    return this.read(key, [], `a list of layers 0..${layers - 1}`, isIndices);
  }

  numbers(key: string, length: number): readonly number[] {
    const isNumbers = (v: unknown): v is readonly number[] =>
      Array.isArray(v) && v.length === length && v.every((x) => typeof x === 'number' && Number.isFinite(x) && x > 0);
    return this.read(key, undefined, `a list of ${length} positive numbers`, isNumbers);
  }

  /** An object inside this one; null where it is absent. */
  section(key: string): ConfigReader | null {
    if (!this.has(key)) return null;
    const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
    return new ConfigReader(this.architecture, this.read(key, undefined, 'an object', isObject), `${this.path}${key}.`);
  }

  keys(): readonly string[] {
    return Object.keys(this.values);
  }

  /** The value as it stands, for keys whose kind decides what it means. */
  raw(key: string): unknown {
    return this.values[key];
  }

  /** A copy in which the given keys have other values. */
  with(values: Readonly<Record<string, unknown>>): ConfigReader {
    return new ConfigReader(this.architecture, { ...this.values, ...values }, this.path);
  }

  corrupt(key: string, wanted: string): SemanticError {
    return new SemanticError(
      'ModelFileCorrupt',
      `[models.${this.architecture}] config: wanted ${wanted} at "${this.path}${key}", got ${show(this.values[key])}`,
    );
  }

  unsupported(key: string, wanted: string): SemanticError {
    return new SemanticError(
      'ModelUnsupported',
      `[models.${this.architecture}] config: wanted ${wanted} at "${this.path}${key}", got ${show(this.values[key])}`,
    );
  }

  private read<T>(key: string, fallback: T | undefined, wanted: string, is: (value: unknown) => value is T): T {
    if (!this.has(key)) {
      if (fallback !== undefined) return fallback;
      throw this.corrupt(key, wanted);
    }
    const value = this.values[key];
    if (!is(value)) throw this.corrupt(key, wanted);
    return value;
  }
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
