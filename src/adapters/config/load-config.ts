/** Reads every source once, in order, and returns one frozen configuration. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { SemanticError } from '../../core/domain/errors.js';
import { configDirectory, userConfigFile } from '../paths/paths.js';
import { SECRET_SETTINGS } from '../secrets/secret-names.js';
import { suggest } from '../suggest/suggest.js';
import { readEnvironment } from './read-environment.js';
import { readToml } from './read-toml.js';
import { type Config, configSchema } from './schema.js';
import { environmentName, type Setting } from './settings.js';

export interface ConfigSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `.env` is looked for. */
  readonly workingDirectory: string;
  /** `section.key` -> value, from the command line; undefined values are not set. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Holds default.toml and {environment}.toml; the shipped one unless told. */
  readonly directory?: string;
}

const DOTENV = '.env';
const SHIPPED = 'default.toml';
const DEFAULT_ENVIRONMENT = 'production';

/** The files that settings come from, whether they are there or not, the last word first. */
export function configFiles({ environment: variables, workingDirectory, directory = configDirectory() }: ConfigSources): readonly string[] {
  const environment = environmentOf({ ...readDotenv(workingDirectory), ...variables });
  return [join(workingDirectory, DOTENV), userConfigFile(variables), join(directory, `${environment}.toml`), join(directory, SHIPPED)];
}

export interface ReadConfig {
  readonly config: Config;
  /** What each key is, and who said so, in the order of default.toml. */
  readonly settings: readonly Setting[];
}

/** Throws ConfigInvalid for a key that is not known, a value out of range, and a file that cannot be read. */
export function loadConfig(sources: ConfigSources): Config {
  return readConfig(sources).config;
}

/** As `loadConfig`, with where everything came from. */
export function readConfig(sources: ConfigSources): ReadConfig {
  const directory = sources.directory ?? configDirectory();
  const dotenv = readDotenv(sources.workingDirectory);
  const variables = { ...dotenv, ...sources.environment };
  const environment = environmentOf(variables);
  const shipped = readToml(join(directory, SHIPPED), { required: true });
  const defaults = new Map(shipped.map(({ key, value }) => [key, value]));
  const asked = environment !== DEFAULT_ENVIRONMENT;
  const settings = [
    ...shipped,
    ...readToml(join(directory, `${environment}.toml`), { required: asked }),
    ...readToml(userConfigFile(sources.environment), { required: false }),
    ...readEnvironment(dotenv, defaults, DOTENV),
    ...readEnvironment(sources.environment, defaults, 'environment'),
    ...flagSettings(sources.flags),
  ];
  return resolve(settings, defaults);
}

function environmentOf(variables: Readonly<Record<string, string | undefined>>): string {
  return variables['SEMANTIC_ENV'] ?? DEFAULT_ENVIRONMENT;
}

function readDotenv(directory: string): Record<string, string> {
  const path = join(directory, DOTENV);
  return existsSync(path) ? parseDotenv(readFileSync(path)) : {};
}

function flagSettings(flags: Readonly<Record<string, unknown>>): Setting[] {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return given.map(([key, value]) => ({ key, value, source: `flag --${key.split('.')[1]?.replaceAll('_', '-')}` }));
}

function resolve(settings: readonly Setting[], defaults: ReadonlyMap<string, unknown>): ReadConfig {
  const winners = new Map<string, Setting>();
  const tree: Record<string, Record<string, unknown>> = {};
  for (const setting of settings) {
    if (!defaults.has(setting.key)) throw unknownKey(setting, [...defaults.keys()]);
    winners.set(setting.key, setting);
  }
  for (const { key, value } of winners.values()) {
    const [section, name] = key.split('.') as [string, string];
    (tree[section] ??= {})[name] = value;
  }
  const parsed = configSchema.safeParse(tree);
  if (parsed.success) return { config: deepFreeze(parsed.data), settings: [...winners.values()] };
  const issue = parsed.error.issues[0];
  const key = issue?.path.slice(0, 2).join('.') ?? ''; // of a list, the list
  const setting = winners.get(key);
  const got = setting === undefined ? 'nothing' : SECRET_SETTINGS.has(key) ? '(not shown)' : JSON.stringify(setting.value);
  const message = `[config] ${key} = ${got} (${setting?.source ?? 'no source'}): ${issue?.message ?? 'not valid'}`;
  throw new SemanticError('ConfigInvalid', message, { param: key, hint: 'docs/configuration.md lists every key with its range.' });
}

function unknownKey({ key, source }: Setting, known: readonly string[]): SemanticError {
  const spelled = key.startsWith('SEMANTIC_') ? known.map(environmentName) : known;
  const hint = suggest(key, spelled) ?? 'docs/configuration.md lists every key.';
  return new SemanticError('ConfigInvalid', `[config] unknown key ${key} (${source})`, { param: key, hint });
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
