import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BOOTSTRAP = join(ROOT, 'bin/bootstrap.js');
const SCHEMAS = join(dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')), 'res/schema');

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly scope?: string;
  readonly purl?: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly content: string }[];
  readonly externalReferences?: readonly { readonly comment?: string; readonly hashes?: readonly { readonly content: string }[] }[];
}
interface Locked {
  /** Where it is called something else here. */
  readonly name?: string;
  readonly version: string;
}
interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
let bom: Bom;

beforeAll(async () => {
  const { stdout } = await execa(process.execPath, [BOOTSTRAP, 'sbom', '-'], { timeout: 60_000 });
  bom = JSON.parse(stdout) as Bom;
});

/** CycloneDX's own schema of 1.5. Its formats (addresses, times) are left to it: they need packages of their own. */
function validator(): (value: unknown) => string | null {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx', 'jsf-0.82']) {
    const file = `${name}.SNAPSHOT.schema.json`;
    ajv.addSchema({ ...(json(join(SCHEMAS, file)) as object), $id: `http://cyclonedx.org/schema/${file}` }); // as the other refers to it
  }
  const validate = ajv.compile(json(join(SCHEMAS, 'bom-1.5.SNAPSHOT.schema.json')) as object);
  return (value) => (validate(value) ? null : ajv.errorsText(validate.errors));
}

describe('npm run sbom', () => {
  test("writes what CycloneDX's schema of 1.5 takes, and the schema is one that refuses", () => {
    const problem = validator();
    expect(problem(bom)).toBeNull();
    expect(problem({ ...bom, specVersion: 1.5 })).toContain('specVersion');
    expect(problem({ ...bom, components: [{ ...bom.components[0], type: 'sandwich' }] })).toContain('allowed values');
    expect(problem({ ...bom, components: [...bom.components, bom.components[0]] })).toContain('duplicate');
  });

  test('is about semantic, whatever the folder is called, and names it as what depends on the rest', () => {
    const { name, version, dependencies } = json(join(ROOT, 'package.json')) as {
      readonly name: string;
      readonly version: string;
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const { component } = bom.metadata;
    expect(component).toMatchObject({ type: 'application', name, version, purl: `pkg:npm/${name}@${version}` });
    const dependsOn = bom.dependencies.find(({ ref }) => ref === component['bom-ref'])?.dependsOn;
    const direct = Object.entries(dependencies).map(([one, pinned]) => `${one}@${pinned}`);
    expect(dependsOn).toEqual(expect.arrayContaining([...direct, 'pkg:pypi/mlx-cpu@0.32.4', 'model:smollm2-135m-instruct']));
  });

  test('has every package of the lockfile, with its licence', () => {
    const { packages } = json(join(ROOT, 'package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> };
    const wanted = Object.entries(packages).flatMap(([path, { name, version }]) =>
      path === '' ? [] : [`${name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`],
    );
    const got = bom.components.map(({ name, version }) => `${name}@${version}`);
    expect(wanted.filter((one) => !got.includes(one))).toEqual([]);
    expect(bom.components.filter(({ licenses }) => (licenses?.length ?? 0) === 0).map(({ name }) => name)).toEqual([]);
  });

  test('has every wheel that may be fetched, with the hash that it has to have', () => {
    const pins = readFileSync(join(ROOT, 'native/mlx.json'), 'utf8')
      .match(/"sha256": "[\da-f]{64}"/g)!
      .map((text) => text.slice(11, -1));
    const wheels = bom.components.filter(({ purl }) => purl?.startsWith('pkg:pypi/'));
    const got = wheels.flatMap(({ externalReferences }) =>
      externalReferences!.flatMap(({ hashes }) => hashes!.map(({ content }) => content)),
    );
    expect(got.sort()).toEqual(pins.sort());
    const scopes = Object.fromEntries(wheels.map(({ name, scope }) => [name, scope]));
    expect(scopes).toMatchObject({
      'mlx-cpu': 'required',
      'mlx-metal': 'required',
      'mlx-cuda-12': 'optional',
      'nvidia-cublas': 'optional',
    });
  });

  test('has the models of the catalogue, with the hashes of their weights', () => {
    const catalogue = json(join(ROOT, 'config/models.json')) as Readonly<Record<string, { readonly sha256: string }>>;
    const models = bom.components.filter(({ type }) => type === 'machine-learning-model');
    const got = Object.fromEntries(models.map(({ name, hashes }) => [name, hashes![0]!.content]));
    expect(got).toEqual(Object.fromEntries(Object.entries(catalogue).map(([name, { sha256 }]) => [name, sha256])));
  });

  test('speaks of no component twice, and of no dependency that is no component', () => {
    const refs = [bom.metadata.component, ...bom.components].map((component) => component['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    expect(bom.dependencies.flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn]).filter((ref) => !refs.includes(ref))).toEqual([]);
  });

  test('leaves nothing out: no source of the addon comes from elsewhere', () => {
    const sources = readdirSync(join(ROOT, 'native/src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(?:cc|h|mm|metal)$/.test(name),
    );
    const foreign = sources.filter((name) => /copyright|SPDX-License/i.test(readFileSync(join(ROOT, 'native/src', name), 'utf8')));
    expect(sources.length).toBeGreaterThan(50);
    expect(foreign).toEqual([]);
  });

  test.each([[['one', 'two']], [['--format']]])('%j is a usage error', async (args) => {
    const { exitCode, stderr } = await execa(process.execPath, [BOOTSTRAP, 'sbom', ...args], { reject: false });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('wanted one file or -')]);
  });

  test('lists once what npm 10 lists for every folder it lies in; what is needed anywhere is required', async () => {
    const component = (scope: string, path: string, ...more: readonly object[]): object => ({
      'bom-ref': 'a@1',
      type: 'library',
      name: 'a',
      version: '1',
      scope,
      properties: [{ name: 'cdx:npm:package:path', value: path }, ...more],
    });
    const development = { name: 'cdx:npm:package:development', value: 'true' };
    const said = {
      metadata: { component: { 'bom-ref': 'semantic@0.1.0', name: 'folder' } },
      components: [component('optional', 'x', development), component('required', 'y')],
      dependencies: [
        { ref: 'semantic@0.1.0', dependsOn: ['a@1'] },
        { ref: 'a@1', dependsOn: ['b@1'] },
        { ref: 'a@1', dependsOn: ['c@1', 'b@1'] },
      ],
    };
    const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
    writeFileSync(join(folder, 'npm'), `#!${process.execPath}\nprocess.stdout.write(${JSON.stringify(JSON.stringify(said))})\n`, {
      mode: 0o755,
    });
    const { stdout } = await execa(process.execPath, [BOOTSTRAP, 'sbom', '-'], { env: { PATH: folder } });
    rmSync(folder, { recursive: true });
    const got = JSON.parse(stdout) as Bom;
    expect(got.components.filter(({ name }) => name === 'a')).toEqual([
      expect.objectContaining({ scope: 'required', properties: ['x', 'y'].map((value) => ({ name: 'cdx:npm:package:path', value })) }),
    ]);
    expect(got.dependencies.filter(({ ref }) => ref === 'a@1')).toEqual([{ ref: 'a@1', dependsOn: ['b@1', 'c@1'] }]);
  });

  test('says so where npm is not there, and writes nothing', async () => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [BOOTSTRAP, 'sbom', '-'], {
      reject: false,
      env: { PATH: '/nowhere' },
    });
    expect([exitCode, stdout, stderr]).toEqual([10, '', expect.stringContaining('npm sbom failed')]);
  });
});
