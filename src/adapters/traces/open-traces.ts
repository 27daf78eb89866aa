import type { Config } from '../config/schema.js';
import { otlpTarget } from './otlp-target.js';
import { NO_TRACES, type Traces } from './traces.js';

export interface TracesSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Told of spans that were lost. */
  readonly log: (message: string) => void;
}

/** Loads what writes spans only where there is somewhere to send them. Throws ConfigInvalid. */
export async function openTraces(settings: Config['traces'], { environment, version, log }: TracesSurroundings): Promise<Traces> {
  const target = otlpTarget(settings.otlp_endpoint, environment);
  if (target === null) return NO_TRACES;
  const { OtlpTraces } = await import('./otlp-traces.js');
  const service = environment['OTEL_SERVICE_NAME'] ?? '';
  return new OtlpTraces({
    target,
    service: service === '' ? 'semantic' : service,
    version,
    sampleRatio: settings.sample_ratio,
    agentIds: settings.agent_ids,
    log,
  });
}
