/** Opens the queue of a file and says why it cannot; with `work`, submits and runs jobs until it is killed, and says what was done. */
import { writeSync } from 'node:fs';
import { SqlJobQueue } from '#src/adapters/jobs/sql-job-queue.js';

const [file = '', verb] = process.argv.slice(2);

/** @param {string} line */
const say = (line) => writeSync(1, line);

const limits = { maxOpen: 10_000, maxBytes: 2 ** 30, keepMs: 1e9, backoff: { firstMs: 0, mostMs: 0 } };
try {
  const queue = await SqlJobQueue.open({ file, limits, clock: Date, ownWorker: 'daemon', leaseMs: 50, onPutAside: say });
  if (verb === 'work') await Promise.all([submit(queue), run(queue), run(queue)]);
  else say('opened');
  await queue.close();
} catch (error) {
  say(/** @type {{ code: string }} */ (error).code);
}

/** @param {SqlJobQueue} queue */
async function submit(queue) {
  for (let i = 0; i < 10_000; i++) {
    /** @type {import('../../../src/core/domain/job.js').JobRequest} */
    const request = {
      scope: 'a',
      endpoint: '/v1/messages',
      body: '{}',
      class: 'batch',
      priority: 0,
      deadline: null,
      maxAttempts: 100,
      idempotencyKey: null,
      fingerprint: '',
      webhook: null,
      batch: null,
      customId: null,
    };
    const [made] = await queue.submit([request]);
    say(`submitted ${made?.job.id}\n`);
  }
}

/** @param {SqlJobQueue} queue */
async function run(queue) {
  for (;;) {
    for (const job of await queue.lease({ worker: 'w', scope: null, count: 1, leaseMs: 50 })) {
      await queue.complete(job, { status: 200, body: JSON.stringify(job.id) }, null);
      say(`succeeded ${job.id}\n`);
    }
    await queue.sweep();
  }
}
