import type * as Jinja from '@huggingface/jinja';

/** What the interpreter's values have in common; `type` is `StringValue`, `NullValue` and so on. */
interface Value {
  readonly type: string;
  readonly value: unknown;
  toString(): string;
}

interface Node {
  readonly type: string;
  readonly result?: Value;
}

/** Methods of Interpreter 0.5.11 that the package declares private; the parity suite guards against their change. */
interface Internals {
  evaluate(node: Node | undefined, environment: Jinja.Environment): Value;
  applyFilter(operand: Value, filter: FilterNode, environment: Jinja.Environment): Value;
  evaluateBlock(statements: readonly Node[], environment: Jinja.Environment): Value;
  evaluateBinaryExpression(node: BinaryNode, environment: Jinja.Environment): Value;
}

interface FilterNode extends Node {
  readonly value?: string;
  readonly callee?: { readonly value?: string };
  readonly args?: readonly ArgumentNode[];
}

interface ArgumentNode extends Node {
  /** The expression, where it is a keyword argument. */
  readonly value?: Node;
}

interface BinaryNode extends Node {
  readonly operator: { readonly value: string };
  readonly left: Node | undefined;
  readonly right: Node | undefined;
}

/**
 * Makes the Jinja package behave as Jinja2 on Python where templates show the difference: `None`, `True` and lists as
 * Python prints them, strip() with characters, filters on undefined values, == by value and type. Returns an interpreter.
 * Runs in the worker thread, so it must not touch anything outside itself.
 */
export function pythonSemantics({ Environment, Interpreter }: typeof Jinja): typeof Jinja.Interpreter {
  const probe = new Environment();
  const samples: Record<string, unknown> = { text: '', list: [], mapping: {}, yes: true, none: null, missing: undefined, call: () => null };
  const classOf = new Map<string, { new (value?: unknown): Value; prototype: object }>();
  for (const [name, sample] of Object.entries(samples)) {
    classOf.set(name, probe.set(name, sample).constructor as { new (value?: unknown): Value; prototype: object });
  }
  const make = (name: string, value: unknown): Value => new (classOf.get(name)!)(value);
  const text = (value: string): Value => make('text', value);
  // V8 gives a thread that runs out of memory 16 MB to end in; one bigger allocation there would end the whole process.
  const MAX_TEXT = 2 ** 24;
  const MAX_ITEMS = 2 ** 20;
  function bound(size: number, limit: number, unit: string): void {
    if (size > limit) throw new Error(`the template makes ${size} ${unit}: wanted at most ${limit}`);
  }

  const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'; // as str.isspace()

  function strip(subject: string, chars: Value | undefined, ends: 'left' | 'right' | 'both'): string {
    const given = chars?.type === 'StringValue' ? String(chars.value).replace(/[\]\\^-]/g, '\\$&') : SPACE;
    if (given === '') return subject;
    const left = ends === 'right' ? subject : subject.replace(new RegExp(`^[${given}]+`, 'u'), '');
    return ends === 'left' ? left : left.replace(new RegExp(`(?<![${given}])[${given}]+$`, 'u'), '');
  }

  /** Refuses what replace() would make before it is made. */
  function checkReplace(subject: string, [old, replacement]: readonly Value[]): void {
    if (old?.type !== 'StringValue' || replacement?.type !== 'StringValue') return;
    const [from, to] = [old.value as string, replacement.value as string];
    if (subject.length + (subject.length + 1) * to.length <= MAX_TEXT) return;
    let found = from === '' ? subject.length + 1 : 0;
    if (from !== '') for (let at = subject.indexOf(from); at >= 0; at = subject.indexOf(from, at + from.length)) found++;
    bound(subject.length + found * (to.length - from.length), MAX_TEXT, 'characters of text');
  }

  function checkJoin(items: readonly Value[], separator: Value | undefined): void {
    const size = items.reduce((sum, item) => sum + (typeof item.value === 'string' ? item.value.length : 8), 0);
    bound(size + items.length * (typeof separator?.value === 'string' ? separator.value.length : 0), MAX_TEXT, 'characters of text');
  }

  function checkSum(left: Value, right: Value): void {
    if (Array.isArray(left.value) && Array.isArray(right.value)) bound(left.value.length + right.value.length, MAX_ITEMS, 'list items');
    if (typeof left.value === 'string' && typeof right.value === 'string')
      bound(left.value.length + right.value.length, MAX_TEXT, 'characters of text');
  }

  function quote(value: string): string {
    const mark = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', [mark]: `\\${mark}` };
    const hex = (char: string) => {
      const code = char.codePointAt(0)!;
      const [letter, width] = code > 0xffff ? ['U', 8] : code > 0xff ? ['u', 4] : ['x', 2];
      return `\\${letter}${code.toString(16).padStart(width, '0')}`;
    };
    const body = value.replace(/[\\\n\r\t'"]|(?! )[\p{C}\p{Z}]/gu, (char) => escapes[char] ?? (/['"]/.test(char) ? char : hex(char)));
    return mark + body + mark;
  }

  /** Python's repr(). */
  function show(value: Value): string {
    return value.type === 'StringValue' ? quote(value.value as string) : value.toString();
  }

  const printed: Record<string, (this: Value) => string> = {
    none: () => 'None',
    missing: () => '',
    yes() {
      return this.value === true ? 'True' : 'False';
    },
    list() {
      const items = (this.value as Value[]).map(show).join(', ');
      return this.type === 'TupleValue' ? `(${items})` : `[${items}]`;
    },
    mapping() {
      return `{${[...(this.value as Map<string, Value>)].map(([key, item]) => `${quote(key)}: ${show(item)}`).join(', ')}}`;
    },
  };
  for (const [name, toString] of Object.entries(printed)) {
    Object.defineProperty(classOf.get(name)!.prototype, 'toString', { value: toString, configurable: true });
  }

  const stringClass = classOf.get('text')!.prototype;
  const inherited = Object.getOwnPropertyDescriptor(stringClass, 'builtins')!;
  const withStrip = new WeakSet<object>();
  Object.defineProperty(stringClass, 'builtins', {
    configurable: true,
    get(this: Value) {
      const methods = inherited.get!.call(this) as Map<string, Value>;
      if (withStrip.has(methods)) return methods;
      withStrip.add(methods);
      for (const [name, ends] of [
        ['strip', 'both'],
        ['lstrip', 'left'],
        ['rstrip', 'right'],
      ] as const) {
        methods.set(
          name,
          make('call', (args: readonly Value[]) => text(strip(this.value as string, args[0], ends))),
        );
      }
      const replace = methods.get('replace')!.value as (args: readonly Value[], scope: unknown) => Value;
      const bounded = (args: readonly Value[], scope: unknown): Value => {
        checkReplace(this.value as string, args);
        return replace(args, scope);
      };
      methods.set('replace', make('call', bounded));
      return methods;
    },
  });

  function equal(a: Value, b: Value): boolean {
    const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'boolean';
    if (isNumber(a.value) && isNumber(b.value)) return Number(a.value) === Number(b.value);
    if (a.type !== b.type) return false;
    if (Array.isArray(a.value) && Array.isArray(b.value)) {
      const other = b.value as Value[];
      return a.value.length === other.length && (a.value as Value[]).every((item, i) => equal(item, other[i]!));
    }
    if (a.value instanceof Map && b.value instanceof Map) {
      const other = b.value as Map<string, Value>;
      return (
        a.value.size === other.size &&
        [...(a.value as Map<string, Value>)].every(([key, item]) => other.has(key) && equal(item, other.get(key)!))
      );
    }
    return a.value === b.value;
  }

  const STATEMENTS = new Set(['Set', 'Macro', 'Comment', 'If', 'For', 'CallStatement', 'FilterStatement']);
  const TEXT_FILTERS = new Set(['trim', 'string', 'upper', 'lower', 'title', 'capitalize', 'replace', 'indent']);
  const LIST_FILTERS = new Set([
    'first',
    'last',
    'length',
    'join',
    'list',
    'map',
    'selectattr',
    'rejectattr',
    'items',
    'unique',
    'reverse',
    'sort',
  ]);
  const base = Interpreter.prototype as unknown as Internals;

  /** The operand as the filter sees it in Jinja2: text filters take str() of anything, list filters nothing for undefined. */
  function coerce(operand: Value, filter: string): Value {
    if (TEXT_FILTERS.has(filter) && operand.type !== 'StringValue') return text(operand.toString());
    if (LIST_FILTERS.has(filter) && operand.type === 'UndefinedValue')
      return make(filter === 'items' ? 'mapping' : 'list', filter === 'items' ? new Map() : []);
    return operand;
  }

  const overrides: Internals & ThisType<Internals> = {
    evaluate(node, environment) {
      // An operand that was evaluated before it was handed on, see below.
      return node?.type === 'Evaluated' ? node.result! : base.evaluate.call(this, node, environment);
    },
    applyFilter(operand, filter, environment) {
      const name = filter.value ?? filter.callee?.value ?? '';
      const subject = coerce(operand, name);
      if (name === 'string') return subject;
      if (name === 'join' && Array.isArray(subject.value)) {
        const argument = filter.args?.[0];
        const separator = argument?.type === 'KeywordArgumentExpression' ? argument.value : argument;
        checkJoin(subject.value as Value[], this.evaluate(separator, environment));
      }
      if (name !== 'trim') return base.applyFilter.call(this, subject, filter, environment);
      const chars = filter.args?.[0];
      return text(strip(subject.value as string, chars === undefined ? undefined : this.evaluate(chars, environment), 'both'));
    },
    evaluateBlock(statements, environment) {
      let out = '';
      for (const statement of statements) {
        const result = this.evaluate(statement, environment);
        if (result.type !== 'NullValue' || !STATEMENTS.has(statement.type)) out += result.toString();
        bound(out.length, MAX_TEXT, 'characters of text');
      }
      return text(out);
    },
    evaluateBinaryExpression(node, environment) {
      const operator = node.operator.value;
      if (operator !== '~' && operator !== '+' && operator !== '==' && operator !== '!=')
        return base.evaluateBinaryExpression.call(this, node, environment);
      const [left, right] = [this.evaluate(node.left, environment), this.evaluate(node.right, environment)];
      if (operator === '+') {
        checkSum(left, right);
        const [known, other] = [left, right].map((result) => ({ type: 'Evaluated', result }));
        return base.evaluateBinaryExpression.call(this, { ...node, left: known, right: other }, environment);
      }
      if (operator === '~') {
        const parts = [text(left.toString()), text(right.toString())] as const;
        checkSum(...parts);
        return text(parts.map((part) => part.value).join(''));
      }
      return make('yes', equal(left, right) === (operator === '=='));
    },
  };
  class PythonInterpreter extends Interpreter {}
  Object.assign(PythonInterpreter.prototype, overrides);
  return PythonInterpreter;
}
