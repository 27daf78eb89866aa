/** What no package manager of Node knows of: MLX's backend wheels with what they carry and bring along, and the models that are fetched, as CycloneDX components. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./write-sbom.js').Component} Component */
/** @typedef {import('./fetch-wheel.js').WheelPin & { platform: string }} Pin */
/** @typedef {{ title: string, licence: string, file: string, sha256: string, hub: string }} Model */

/** Backends that nobody gets who did not ask for them. */
const ASKED_FOR = /^cuda/;

/**
 * One component per package and version; its wheels, one per platform and each with the hash it has to have, are its distributions.
 * @param {string} root of the checkout
 * @returns {Component[]}
 */
export function wheelComponents(root) {
  /** @type {{ backends: Record<string, Record<string, Pin[]>> }} */
  const { backends } = JSON.parse(readFileSync(join(root, 'native/mlx.json'), 'utf8'));
  /** @type {Map<string, Component>} */
  const components = new Map();
  for (const [backend, platforms] of Object.entries(backends)) {
    for (const [platform, pins] of Object.entries(platforms)) {
      for (const pin of pins) {
        const purl = `pkg:pypi/${pin.name}@${pin.version}`;
        const component = components.get(purl) ?? wheelComponent(purl, pin, backend, root);
        components.set(purl, component);
        component.externalReferences?.push({
          type: 'distribution',
          url: purl,
          comment: `${platform}: wheel ${pin.platform}`,
          hashes: [{ alg: 'SHA-256', content: pin.sha256 }],
        });
      }
    }
  }
  return [...components.values()];
}

/**
 * @param {string} purl
 * @param {Pin} pin
 * @param {string} backend
 * @param {string} root
 * @returns {Component}
 */
function wheelComponent(purl, { name, version }, backend, root) {
  const carried = carriedBy(root, name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    scope: ASKED_FOR.test(backend) ? 'optional' : 'required',
    purl,
    licenses: [{ license: name.startsWith('mlx-') ? { id: 'MIT' } : { name: "NVIDIA's licence terms, in the wheel" } }],
    properties: [{ name: 'semantic:backend', value: backend }],
    externalReferences: [],
    ...(carried.length === 0 ? {} : { components: carried }),
  };
}

/**
 * Libraries inside the wheel, as its own SBOM has them, where it is unpacked here; else nobody here knows them.
 * @param {string} root
 * @param {string} name
 * @param {string} version
 * @returns {Component[]}
 */
function carriedBy(root, name, version) {
  const folder = join(root, `native/deps/mlx/${name.replaceAll('-', '_')}-${version}.dist-info/sboms`);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.flatMap((file) => {
    /** @type {{ components?: Component[], metadata?: { component?: { 'bom-ref'?: string } } }} */
    const bom = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const itself = bom.metadata?.component?.['bom-ref'];
    return (bom.components ?? []).filter((component) => component['bom-ref'] !== itself);
  });
}

/**
 * @param {string} root of the checkout
 * @returns {Component[]} the weights of each model of the catalogue
 */
export function modelComponents(root) {
  /** @type {Record<string, Model>} */
  const catalogue = JSON.parse(readFileSync(join(root, 'config/models.json'), 'utf8'));
  return Object.entries(catalogue).map(([name, { title, licence, file, sha256, hub }], index) => ({
    type: 'machine-learning-model',
    'bom-ref': `model:${name}`,
    name,
    version: sha256.slice(0, 12), // weights have no version but their content
    scope: index === 0 ? 'required' : 'optional', // the first is the starter model
    description: `${title}: ${file}`,
    purl: `pkg:huggingface/${hub}`,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses: [{ license: { id: licence } }],
  }));
}
