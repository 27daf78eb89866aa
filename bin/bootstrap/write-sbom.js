/** `npm run sbom`: all that semantic is made of, as CycloneDX 1.5 in JSON. npm says it of its packages; the rest is put beside them. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { BootstrapError } from './bootstrap-error.js';
import { ROOT } from './layout.js';
import { mergeComponents, mergeDependencies } from './merge-components.js';
import { modelComponents, wheelComponents } from './native-components.js';

/**
 * @typedef {object} Component
 * @property {string} type
 * @property {string} bom-ref
 * @property {string} name
 * @property {string} version
 * @property {'required' | 'optional'} [scope]
 * @property {string} [description]
 * @property {string} [purl]
 * @property {{ alg: string, content: string }[]} [hashes]
 * @property {{ license: { id?: string, name?: string } }[]} [licenses]
 * @property {{ name: string, value: string }[]} [properties]
 * @property {{ type: string, url: string, comment?: string, hashes?: { alg: string, content: string }[] }[]} [externalReferences]
 * @property {Component[]} [components]
 */
/** @typedef {{ ref: string, dependsOn?: string[] }} Dependency */
/**
 * @typedef {object} Bom
 * @property {{ component: Component }} metadata
 * @property {Component[]} components
 * @property {Dependency[]} dependencies
 * @property {{ aggregate: string, assemblies?: string[] }[]} [compositions]
 */

const DEFAULT_FILE = 'semantic.cdx.json';
/** npm's answer is some 300 KB. */
const MAX_BYTES = 64 * 1024 * 1024;

/** @param {string[]} args where it goes: a file, or `-` for stdout */
export async function writeSbom(args) {
  if (args.length > 1 || args.some((arg) => /^-./.test(arg))) {
    process.stderr.write(`[sbom] wanted one file or -, got ${args.join(' ')}\n`);
    process.exitCode = 2;
    return;
  }
  const [to = join(ROOT, DEFAULT_FILE)] = args;
  try {
    const bom = complete(await npmBom());
    const text = `${JSON.stringify(bom, null, 2)}\n`;
    if (to === '-') process.stdout.write(text);
    else writeFileSync(resolve(to), text);
    process.stderr.write(`[sbom] ${bom.components.length} components${to === '-' ? '' : ` in ${resolve(to)}`}\n`);
  } catch (error) {
    process.stderr.write(`[sbom] ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof BootstrapError ? error.exitCode : 1;
  }
}

/**
 * By the lockfile and nothing else, so that it says the same on every machine.
 * @returns {Promise<Bom>}
 */
async function npmBom() {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  try {
    const { stdout } = await promisify(execFile)('npm', args, { cwd: ROOT, maxBuffer: MAX_BYTES });
    return JSON.parse(stdout);
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new BootstrapError('StepFailed', `npm sbom failed: ${said === '' ? String(cause) : said}`, { cause });
  }
}

/**
 * @param {Bom} bom
 * @returns {Bom}
 */
function complete(bom) {
  const wheels = wheelComponents(ROOT);
  const models = modelComponents(ROOT);
  const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const root = { ...bom.metadata.component, type: 'application', name }; // npm takes the folder's name
  const mine = [...wheels, ...models];
  const dependencies = mergeDependencies(bom.dependencies).map((entry) =>
    entry.ref === root['bom-ref'] ? { ...entry, dependsOn: [...(entry.dependsOn ?? []), ...mine.map(refOf)] } : entry,
  );
  return {
    ...bom,
    metadata: { ...bom.metadata, component: root },
    components: [...mergeComponents(bom.components), ...mine],
    dependencies: [...dependencies, ...mine.map((component) => ({ ref: refOf(component) }))],
    // Wheels carry libraries of which their makers say more or less.
    compositions: [{ aggregate: 'incomplete', assemblies: wheels.map(refOf) }],
  };
}

/** @param {Component} component */
function refOf(component) {
  return component['bom-ref'];
}
