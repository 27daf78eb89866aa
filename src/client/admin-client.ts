/** What the daemon is doing, and its limits, over its socket. */
import { type Reloaded, reloadSchema } from './config-bodies.js';
import { DaemonHttp } from './daemon-http.js';
import { type ProcessBody, processSchema } from './process-bodies.js';
import { type NewRecordingBody, type RecordingBody, recordingSchema } from './recording-bodies.js';
import { type LimitsChange, type SchedulerBody, schedulerSchema } from './scheduler-bodies.js';
import { type StatusBody, statusSchema } from './status-bodies.js';

export class AdminClient {
  readonly #http: DaemonHttp;

  constructor(socket: string, connectTimeoutMs: number) {
    this.#http = new DaemonHttp(socket, connectTimeoutMs);
  }

  scheduler(): Promise<SchedulerBody> {
    return this.#http.json({ method: 'GET', path: SCHEDULER }, schedulerSchema);
  }

  /** Which daemon it is, whatever it is doing. */
  process(): Promise<ProcessBody> {
    return this.#http.json({ method: 'GET', path: '/v1/admin/process' }, processSchema);
  }

  status(): Promise<StatusBody> {
    return this.#http.json({ method: 'GET', path: '/v1/admin/status' }, statusSchema);
  }

  /** Has it read its settings again. */
  reload(): Promise<Reloaded> {
    return this.#http.json({ method: 'POST', path: '/v1/admin/config/reload' }, reloadSchema);
  }

  /** From the next step on, until the daemon ends. */
  changeLimits(change: LimitsChange): Promise<SchedulerBody> {
    return this.#http.json({ method: 'PATCH', path: SCHEDULER, json: change }, schedulerSchema);
  }

  recording(): Promise<RecordingBody> {
    return this.#http.json({ method: 'GET', path: RECORDING }, recordingSchema);
  }

  /** Throws RecordingConflict, RecordingFailed. */
  record(recording: NewRecordingBody): Promise<RecordingBody> {
    return this.#http.json({ method: 'POST', path: RECORDING, json: recording }, recordingSchema);
  }

  /** Throws RecordingNotFound. */
  stopRecording(): Promise<RecordingBody> {
    return this.#http.json({ method: 'DELETE', path: RECORDING }, recordingSchema);
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

const RECORDING = '/v1/admin/recording';
const SCHEDULER = '/v1/admin/scheduler';
