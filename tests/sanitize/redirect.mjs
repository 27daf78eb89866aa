/** Preloaded into every process of the run: whoever loads the addon gets the one with sanitizers. */
const dlopen = process.dlopen.bind(process);
process.dlopen = (module, path, ...rest) =>
  dlopen(module, path.replace(/([\\/]native[\\/]build)([\\/]semantic\.node)$/, '$1-sanitize$2'), ...rest);
