/** One entry for what npm 10 lists once for every folder that it lies in: CycloneDX wants every reference once. */

/** @typedef {import('./write-sbom.js').Component} Component */
/** @typedef {import('./write-sbom.js').Dependency} Dependency */

const DEVELOPMENT = 'cdx:npm:package:development';

/**
 * What is needed anywhere is required.
 * @param {readonly Component[]} components
 * @returns {Component[]}
 */
export function mergeComponents(components) {
  /** @type {Map<string, Component>} */
  const merged = new Map();
  for (const component of components) {
    const ref = component['bom-ref'];
    const before = merged.get(ref);
    merged.set(ref, before === undefined ? component : mergeTwo(before, component));
  }
  return [...merged.values()];
}

/**
 * @param {Component} one
 * @param {Component} other
 * @returns {Component}
 */
function mergeTwo(one, other) {
  const isRequired = one.scope !== 'optional' || other.scope !== 'optional';
  const both = new Map([...(one.properties ?? []), ...(other.properties ?? [])].map((property) => [JSON.stringify(property), property]));
  const properties = [...both.values()].filter(({ name }) => !isRequired || name !== DEVELOPMENT);
  return { ...one, scope: isRequired ? 'required' : 'optional', properties };
}

/**
 * @param {readonly Dependency[]} dependencies
 * @returns {Dependency[]}
 */
export function mergeDependencies(dependencies) {
  /** @type {Map<string, Set<string>>} */
  const merged = new Map();
  for (const { ref, dependsOn = [] } of dependencies) merged.set(ref, new Set([...(merged.get(ref) ?? []), ...dependsOn]));
  return [...merged].map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn] }));
}
