import { describe, expect, test } from 'vitest';
import { otlpTarget } from '../../../src/adapters/traces/otlp-target.js';
import { SemanticError } from '../../../src/core/domain/errors.js';

const url = (endpoint: string, environment: Record<string, string> = {}): string | null =>
  otlpTarget(endpoint, environment)?.url.href ?? null;

describe('where spans go', () => {
  test.each([
    ['http://localhost:4318', 'http://localhost:4318/v1/traces'],
    ['http://localhost:4318/', 'http://localhost:4318/v1/traces'],
    ['https://traces.example.org/otlp', 'https://traces.example.org/otlp/v1/traces'],
    ['https://traces.example.org/v1/traces', 'https://traces.example.org/v1/traces'],
    ['http://[::1]:4318/x?tenant=1', 'http://[::1]:4318/x/v1/traces?tenant=1'],
  ])('%s is the base of %s', (endpoint, wanted) => {
    expect(url(endpoint)).toBe(wanted);
    expect(url('', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toBe(wanted);
  });

  test('the setting comes before the variable of traces, which is taken as it is, and that before the one of all signals', () => {
    const both = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:1/mine', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1' };
    expect(url('http://a:1', both)).toBe('http://a:1/v1/traces');
    expect(url('', both)).toBe('http://b:1/mine');
  });

  test('is nowhere where nothing is said, or OpenTelemetry is off', () => {
    expect(url('')).toBeNull();
    expect(url('', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBeNull();
    expect(url('http://a:1', { OTEL_SDK_DISABLED: 'true' })).toBeNull();
  });

  test.each(['localhost:4318', 'grpc://localhost:4317', 'nonsense', 'http://user:geheim@localhost:4318'])(
    'is refused where it is %s, without saying it again',
    (endpoint) => {
      for (const get of [() => url(endpoint), () => url('', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })]) {
        const error = thrownBy(get);
        expect(error.code).toBe('ConfigInvalid');
        expect(error.message).toMatch(/^\[traces\] (traces\.otlp_endpoint|OTEL_EXPORTER_OTLP_ENDPOINT): wanted an address/);
        expect(error.hint).toContain('http://localhost:4318');
        expect(error.message).not.toContain(endpoint);
      }
    },
  );
});

describe('headers for the receiver', () => {
  const headers = (all: string, ofTraces = ''): unknown =>
    otlpTarget('http://a:1', { OTEL_EXPORTER_OTLP_HEADERS: all, OTEL_EXPORTER_OTLP_TRACES_HEADERS: ofTraces })!.headers;

  test('are name=value between commas, percent-encoded; those of traces come before those of all signals', () => {
    expect(headers(' Authorization=Bearer%20a%2Cb== , x-team=one,', 'X-Team=two')).toEqual({
      authorization: 'Bearer a,b==',
      'x-team': 'two',
    });
    expect(headers('')).toEqual({});
  });

  test.each(['geheim', '=geheim', 'a b=geheim', 'x=geheim%', 'x=geheim%0d%0ay: z'])(
    'are refused where they are %s, and not said again',
    (text) => {
      const error = thrownBy(() => headers(`ok=1,${text}`));
      expect(error.code).toBe('ConfigInvalid');
      expect(error.message).toMatch(/OTEL_EXPORTER_OTLP_HEADERS: wanted name=value .* number 2$/);
      expect(error.message).not.toContain('geheim');
    },
  );
});

function thrownBy(work: () => unknown): SemanticError {
  try {
    work();
  } catch (error) {
    if (error instanceof SemanticError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
