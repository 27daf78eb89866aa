/** `npm run audit`: whether a package of the lockfile has a known vulnerability. What cannot be asked is said so and fails nothing, unless --required. */
import { execFile } from 'node:child_process';

import { ROOT } from './layout.js';

const REQUIRED = '--required';
const MAX_BYTES = 64 * 1024 * 1024;

/** @typedef {{ name: string, severity: string, isDirect: boolean, via: (string | { title: string, url: string, range: string })[] }} Vulnerability */
/** @typedef {{ vulnerabilities?: Record<string, Vulnerability>, metadata?: { dependencies?: { total?: number } }, message?: string, error?: { summary?: string } }} Report */

/** @param {string[]} args */
export async function audit(args) {
  const unknown = args.filter((arg) => arg !== REQUIRED);
  if (unknown.length > 0) {
    process.stderr.write(`[audit] unknown ${unknown.join(', ')}, wanted ${REQUIRED} or nothing\n`);
    process.exitCode = 2;
    return;
  }
  const report = await npmAudit();
  if (report.vulnerabilities === undefined) {
    const required = args.includes(REQUIRED);
    const why = report.message ?? report.error?.summary ?? 'npm gave no reason';
    process.stderr.write(`[audit] NOT AUDITED: the registry did not say which packages are vulnerable (${why})\n`);
    process.stderr.write(
      '        Ask one that answers npm audit: npm run audit with npm_config_registry set. --required makes this a failure.\n',
    );
    process.exitCode = required ? 5 : 0;
    return;
  }
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, via } of found) process.stderr.write(`  ${severity}: ${name}: ${via.map(reasonOf).join('; ')}\n`);
  process.stderr.write(
    `[audit] ${found.length} vulnerable of ${report.metadata?.dependencies?.total ?? 0} packages; MLX and models are not asked about\n`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}

/** @param {Vulnerability['via'][number]} via */
function reasonOf(via) {
  return typeof via === 'string' ? `through ${via}` : `${via.title}, in ${via.range} (${via.url})`;
}

/**
 * npm's exit code says nothing that the report does not.
 * @returns {Promise<Report>}
 */
function npmAudit() {
  const args = ['audit', '--json', '--package-lock-only'];
  const env = { ...process.env, npm_config_fetch_retries: '0', npm_config_audit: 'true' };
  return new Promise((resolve) => {
    execFile('npm', args, { cwd: ROOT, env, maxBuffer: MAX_BYTES }, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve({ message: error === null ? 'npm audit printed no JSON' : error.message.split('\n', 1).join() });
      }
    });
  });
}
