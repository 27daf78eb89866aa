/** A job in lines for a terminal. */
import type { JobBody, JobDetailBody } from '../../client/jobs/job-bodies.js';
import { formatAgo } from '../format/ago.js';

/** `now`: seconds since 1970. */
export function describeJob(job: JobBody, now: number): string[] {
  const { id, endpoint, state, attempts, max_attempts: most, priority, worker, error } = job;
  const lines = [
    `${id}  ${state}`,
    `  endpoint   ${endpoint}, class ${job.class}, priority ${priority}`,
    `  made       ${formatAgo(job.created_at, now)}`,
    `  attempts   ${attempts} of ${most}${worker === null ? '' : `, the last by ${worker}`}`,
  ];
  if (job.deadline !== null) lines.push(`  deadline   ${new Date(job.deadline * 1000).toISOString()}`);
  if (job.finished_at !== null) lines.push(`  over       ${formatAgo(job.finished_at, now)}${took(job)}`);
  if (job.idempotency_key !== null) lines.push(`  key        ${plain(job.idempotency_key)}`);
  if (job.webhook !== null) lines.push(`  webhook    ${plain(job.webhook)}`);
  if (job.batch !== null) lines.push(`  batch      ${job.batch}, as ${plain(job.custom_id ?? '')}`);
  if (error !== null) lines.push(`  error      ${error.code}: ${plain(error.message)}`);
  return lines;
}

export function describeResult({ result }: JobDetailBody): string[] {
  return result === null ? [] : [`  result     ${result.status}`, JSON.stringify(result.body, null, 2)];
}

function took({ run_ms: run, engine_ms: engine }: JobBody): string {
  if (run === null) return '';
  return `, after ${Math.round(run)} ms${engine === null ? '' : `, ${Math.round(engine)} of them the engine's`}`;
}

/** Clients choose these: nothing of one moves a terminal's cursor. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}
