/** /v1/admin/recording: begins, shows and ends the recording of requests and answers. */
import { isAbsolute } from 'node:path';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RecordingStatus } from '../../adapters/recordings/recording-writer.js';
import { newRecordingSchema, type RecordingBody } from '../../client/recording-bodies.js';
import { callerOf } from '../caller.js';
import { invalidField, parseBody } from '../request-body.js';
import type { Recorder } from './recorder.js';

export function recordingRoutes(app: FastifyInstance, recorder: Recorder): void {
  app.get('/v1/admin/recording', (request) => recordingBody(recorder.status(), request));
  app.post('/v1/admin/recording', async (request, reply): Promise<RecordingBody> => {
    const { directory, max_bytes: maxBytes, redact } = parseBody(newRecordingSchema, request.body);
    // What others say and are answered goes to a place that the one who asks can choose: that is the daemon's own user alone.
    if (!callerOf(request).seesAll)
      throw invalidField('directory', 'recordings are begun over the Unix socket, with the command `semantic record`');
    if (!isAbsolute(directory)) throw invalidField('directory', `wanted an absolute path, got ${JSON.stringify(directory.slice(0, 60))}`);
    const status = await recorder.start({
      directory,
      ...(maxBytes === null || maxBytes === undefined ? {} : { maxBytes }),
      ...(redact === null || redact === undefined ? {} : { redact }),
    });
    void reply.code(201);
    return recordingBody(status, request);
  });
  app.delete('/v1/admin/recording', async (request): Promise<RecordingBody> => recordingBody(await recorder.stop(), request));
}

/** Only the daemon's own user is told where it lies. */
function recordingBody(status: RecordingStatus | null, request: FastifyRequest): RecordingBody {
  if (status === null)
    return {
      object: 'recording',
      state: 'off',
      directory: null,
      reason: null,
      startedAt: null,
      exchanges: 0,
      dropped: 0,
      bytes: 0,
      maxBytes: 0,
    };
  return { object: 'recording', ...status, directory: callerOf(request).seesAll ? status.directory : null };
}
