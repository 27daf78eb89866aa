/**
 * Sends a real daemon what its own document says it takes, and what that says it does not, and holds every answer against it. Prints how
 * many requests were made. Exit code 1: a server error, an answer that is not described, or too few requests.
 *
 * `--examples N`: made up for each operation, at most. `--report FILE`: what passed and failed, as vitest counts it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { dataDirectory, ROOT, STATE } from '../../bin/bootstrap/layout.js';

const SCHEMATHESIS = join(STATE, 'contract/bin/schemathesis');
const LEAST_REQUESTS = 2_000;
/** So few that no answer takes long; the names of models are made up like everything else. */
const CONTEXT = ['--context', '64'];
const ANY_MODEL = { SEMANTIC_MODEL_ALIASES: '["*"]' };
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];
const LOG = 'daemon.log';
const LOG_LINES = 40;
/** Its changes slow everything down that comes after: it has a run of its own, the last. */
const LIMITS = '/v1/admin/scheduler';

const { values: given } = parseArgs({ options: { examples: { type: 'string', default: '12' }, report: { type: 'string' } } });
const home = await mkdtemp(join(tmpdir(), 'semantic-'));
try {
  // A link for each: a request that removes a model removes the link, and not what is installed here.
  const installed = join(dataDirectory(), 'models');
  await mkdir(join(home, 'models'));
  for (const name of await readdir(installed)) await symlink(join(installed, name), join(home, 'models', name));
  process.exitCode = await withDaemon(home, check);
} finally {
  await rm(home, { recursive: true, force: true });
}

/** @param {string} address */
async function check(address) {
  const document = join(home, 'openapi.json');
  await writeFile(document, await (await fetch(`${address}/openapi.json`)).text());
  const seed = process.env['SEED'] ?? '1';
  const runs = [
    await schemathesis(document, address, ['--exclude-path', LIMITS, '--seed', seed]),
    await schemathesis(document, address, ['--include-path', LIMITS, '--seed', seed]),
  ];
  const requests = runs.reduce((sum, run) => sum + run.requests, 0);
  const isRight = runs.every(({ exit }) => exit === 0);
  process.stdout.write(
    `[contract] ${requests} requests, ${isRight ? 'no answer but as the document says' : 'answers that are not as the document says'}\n`,
  );
  if (!isRight) process.stdout.write(`${(await readFile(join(home, LOG), 'utf8')).split('\n').slice(-LOG_LINES).join('\n')}\n`);
  const isEnough = requests >= LEAST_REQUESTS;
  if (!isEnough) process.stdout.write(`[contract] wanted at least ${LEAST_REQUESTS} requests\n`);
  const outcomes = [...runs.map(({ exit }) => exit === 0), isEnough];
  if (given.report !== undefined) await writeFile(given.report, JSON.stringify(reportOf(outcomes)));
  return outcomes.every(Boolean) ? 0 : 1;
}

/** @param {readonly boolean[]} outcomes */
function reportOf(outcomes) {
  const numPassedTests = outcomes.filter(Boolean).length;
  return { numPassedTests, numFailedTests: outcomes.length - numPassedTests, testResults: [] };
}

/**
 * @param {string} document
 * @param {string} address
 * @param {readonly string[]} args
 */
async function schemathesis(document, address, args) {
  const report = join(home, 'report.json');
  const options = [
    '--checks',
    CHECKS.join(','),
    '--max-examples',
    given.examples,
    '--continue-on-failure',
    '--no-shrink',
    '--warnings',
    'off',
    '--workers',
    '1',
  ];
  const files = ['--report', 'json', '--report-json-path', report, '--suppress-health-check', 'all', '--request-timeout', '120'];
  const child = spawn(SCHEMATHESIS, ['run', document, '--url', address, ...options, ...files, ...args], { stdio: 'inherit', cwd: home });
  const [exit] = /** @type {[number | null]} */ (await once(child, 'close'));
  return { exit, requests: requestsIn(await readFile(report, 'utf8')) };
}

/** @param {string} report */
function requestsIn(report) {
  /** @type {{ test_cases: { generated: number } }} */
  const { test_cases: cases } = JSON.parse(report);
  return cases.generated;
}

/**
 * @param {string} folder
 * @param {(address: string) => Promise<number>} use
 */
async function withDaemon(folder, use) {
  const env = { ...process.env, ...ANY_MODEL, SEMANTIC_HOME: folder };
  const args = [join(ROOT, 'bin/run.js'), 'serve', '--port', '0', '--json', ...CONTEXT];
  const daemon = spawn(process.execPath, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  daemon.stderr.pipe(createWriteStream(join(folder, LOG)));
  const ended = once(daemon, 'close');
  try {
    let text = '';
    for await (const chunk of daemon.stdout.setEncoding('utf8')) {
      text += chunk;
      if (text.trimEnd().endsWith('}')) break;
    }
    return await use(/** @type {{ address: string }} */ (JSON.parse(text)).address);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
}
