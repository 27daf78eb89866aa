/** Where spans go: the setting, or else the variables that OpenTelemetry has for every program. */
import { SemanticError } from '../../core/domain/errors.js';

export interface OtlpTarget {
  /** Of the signal: `.../v1/traces`. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SETTING = 'traces.otlp_endpoint';
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TRACES_ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const HEADERS = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'] as const;
const PATH = '/v1/traces';

/** Null = nowhere. Throws ConfigInvalid for what is no address, or no headers. */
export function otlpTarget(endpoint: string, environment: Environment): OtlpTarget | null {
  if (environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return null;
  const url = urlFrom(endpoint, environment);
  return url === null ? null : { url, headers: Object.assign({}, ...HEADERS.map((name) => headersOf(name, environment[name] ?? ''))) };
}

function urlFrom(endpoint: string, environment: Environment): URL | null {
  if (endpoint !== '') return withPath(addressOf(SETTING, endpoint));
  const ofTraces = environment[TRACES_ENDPOINT]?.trim() ?? '';
  if (ofTraces !== '') return addressOf(TRACES_ENDPOINT, ofTraces); // as it is, says its specification
  const ofAll = environment[ENDPOINT]?.trim() ?? '';
  return ofAll === '' ? null : withPath(addressOf(ENDPOINT, ofAll));
}

function withPath(base: URL): URL {
  const url = new URL(base);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith(PATH) ? path : `${path}${PATH}`;
  return url;
}

function addressOf(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '') return url;
  // What was got may hold a password.
  throw new SemanticError('ConfigInvalid', `[traces] ${name}: wanted an address of OTLP over HTTP without a user, got something else`, {
    param: SETTING,
    hint: `Such as "http://localhost:4318"; keys for the receiver go into ${HEADERS[0]}.`,
  });
}

/** `name=value` between commas, values percent-encoded. */
function headersOf(variable: string, text: string): Record<string, string> {
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(entries.map((entry, i) => headerOf(variable, entry, i)));
}

function headerOf(variable: string, entry: string, index: number): [string, string] {
  const at = entry.indexOf('=');
  const name = entry.slice(0, Math.max(0, at)).trim();
  const value = decoded(entry.slice(at + 1).trim());
  // oxlint-disable-next-line no-control-regex -- those are what a header cannot have
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && value !== null && /^[^\x00-\x08\x0a-\x1f\x7f]*$/.test(value))
    return [name.toLowerCase(), value];
  throw new SemanticError(
    'ConfigInvalid',
    `[traces] ${variable}: wanted name=value between commas, got something else as number ${index + 1}`,
    {
      param: SETTING,
      hint: 'Characters that have a meaning there are percent-encoded, such as %2C for a comma.',
    },
  );
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
