/** Where things live. SEMANTIC_HOME puts data, settings and socket under one folder; else the XDG directories decide. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The package's own folder: config/, native/ and bin/ lie in it. */
export function packageDirectory(): string {
  return fileURLToPath(new URL('../../../', import.meta.url));
}

export function configDirectory(): string {
  return join(packageDirectory(), 'config');
}

/** Models and downloads. */
export function dataDirectory(environment: Environment = process.env): string {
  return home(environment) ?? join(xdg(environment, 'XDG_DATA_HOME', '.local/share'), 'semantic');
}

export function modelsDirectory(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'models');
}

/** Names that users gave to models. */
export function aliasesFile(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'aliases.json');
}

/** `configured` is store.directory: a path, or "" for the usual place. */
export function storeDirectory(configured: string, environment: Environment = process.env): string {
  return configured === '' ? join(dataDirectory(environment), 'kv') : configured;
}

/** Stored responses of the Responses API. */
export function responsesDirectory(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'responses');
}

/** Tool calls as they were emitted. */
export function callsDirectory(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'calls');
}

/** The queue of jobs. */
export function jobsFile(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'jobs', 'queue.db');
}

/** Results of `semantic bench`. */
export function benchmarksFile(environment: Environment = process.env): string {
  return join(dataDirectory(environment), 'benchmarks.db');
}

export function userConfigFile(environment: Environment = process.env): string {
  return join(home(environment) ?? join(xdg(environment, 'XDG_CONFIG_HOME', '.config'), 'semantic'), 'config.toml');
}

/** History of `semantic chat`, API keys, and the audit log. */
export function stateDirectory(environment: Environment = process.env): string {
  return home(environment) ?? join(xdg(environment, 'XDG_STATE_HOME', '.local/state'), 'semantic');
}

/** Of a daemon in the background. `configured` is log.file: a path, or "" for the usual place. */
export function serveLogFile(configured: string, environment: Environment = process.env): string {
  return configured === '' ? join(stateDirectory(environment), 'serve.log') : configured;
}

/** How the daemon in the background was started, for the next time. */
export function detachedFile(environment: Environment = process.env): string {
  return join(stateDirectory(environment), 'detached.json');
}

/** Hashes of API keys. */
export function keysFile(environment: Environment = process.env): string {
  return join(stateDirectory(environment), 'keys.json');
}

/** What administrators and keys did. `configured` is audit.file: a path, or "" for the usual place. */
export function auditFile(configured: string, environment: Environment = process.env): string {
  return configured === '' ? join(stateDirectory(environment), 'audit.log') : configured;
}

/** Holds the socket; created with mode 0700. */
export function runtimeDirectory(environment: Environment = process.env): string {
  const runtime = environment['XDG_RUNTIME_DIR'];
  const own = home(environment);
  if (own === undefined && runtime !== undefined && runtime !== '') return join(runtime, 'semantic');
  return join(dataDirectory(environment), 'run');
}

/** `configured` is server.socket: a path, or "" for the usual place. */
export function socketPath(configured: string, environment: Environment = process.env): string {
  return configured === '' ? join(runtimeDirectory(environment), 'semantic.sock') : configured;
}

function home(environment: Environment): string | undefined {
  const value = environment['SEMANTIC_HOME'];
  return value === '' ? undefined : value;
}

function xdg(environment: Environment, name: string, fallback: string): string {
  const value = environment[name];
  return value === undefined || value === '' ? join(homedir(), fallback) : value;
}
