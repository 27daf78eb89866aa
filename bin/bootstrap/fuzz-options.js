import { parseArgs } from 'node:util';

/** What `npm run test:fuzz` does where nothing else is said. `npm test` does far less: tests/fuzz/form.ts. */
const LONG = { requests: '10000', streams: '1000', seed: '1', first: '0' };

/**
 * Puts `--requests`, `--streams`, `--seed` and `--first` where the tests look for them.
 * @param {string[]} args
 * @returns {string[]} what is left of them, for vitest
 */
export function takeFuzzOptions(args) {
  const options = Object.fromEntries(Object.keys(LONG).map((name) => [name, /** @type {const} */ ({ type: 'string' })]));
  const { values, tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  for (const [name, otherwise] of Object.entries(LONG)) process.env[`FUZZ_${name.toUpperCase()}`] = String(values[name] ?? otherwise);
  const taken = new Set(
    tokens.flatMap((token) =>
      token.kind === 'option' && Object.hasOwn(LONG, token.name)
        ? [token.index, ...(token.inlineValue === false ? [token.index + 1] : [])]
        : [],
    ),
  );
  return args.filter((_, i) => !taken.has(i));
}
