/** The arrows between the rooms of src/ (docs/architecture.md, ADR-001). `npm run check` fails on any other import. */

const within = (...rooms) => rooms.map((room) => `^src/${room}`);
const npmOrNode = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core'];

/** `room` may import these rooms of the repository, and nothing else of it. */
const onlyImports = (name, room, ...allowed) => ({
  name,
  severity: 'error',
  from: { path: `^src/${room}` },
  to: { path: '^(src|native|bin|tests|bench)/', pathNot: within(...allowed) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    onlyImports('domain-imports-only-domain', 'core/domain/', 'core/domain/'),
    onlyImports('ports-import-only-domain', 'core/ports\\.ts$', 'core/domain/', 'core/ports\\.ts$'),
    onlyImports('constraints-import-domain-and-ports', 'core/constraints/', 'core/domain/', 'core/ports\\.ts$', 'core/constraints/'),
    onlyImports('engine-imports-domain-and-ports', 'core/engine/', 'core/domain/', 'core/ports\\.ts$', 'core/engine/'),
    onlyImports(
      'residency-imports-the-core',
      'core/residency/',
      'core/domain/',
      'core/ports\\.ts$',
      'core/engine/',
      'core/answers/',
      'core/residency/',
    ),
    onlyImports('jobs-import-only-domain', 'core/jobs/', 'core/domain/', 'core/jobs/'),
    onlyImports('models-import-only-domain', 'core/models/', 'core/domain/', 'core/models/'),
    onlyImports(
      'bench-measures-from-outside',
      'bench/',
      'bench/',
      'client/',
      'adapters/',
      'core/domain/',
      'core/models/',
      'core/ports\\.ts$',
    ),
    {
      name: 'domain-and-models-use-no-package',
      comment: 'They are arithmetic and rules: no npm package, nothing of Node.',
      severity: 'error',
      from: { path: within('core/domain/', 'core/constraints/', 'core/jobs/', 'core/models/', 'core/ports\\.ts$') },
      to: { dependencyTypes: npmOrNode },
    },
    {
      name: 'engine-uses-no-npm-package',
      severity: 'error',
      from: { path: '^src/core/engine/' },
      to: { dependencyTypes: npmOrNode.filter((type) => type !== 'core') },
    },
    {
      name: 'adapters-never-import-outward',
      comment: 'An adapter implements a port; who uses it is the business of the composition root.',
      severity: 'error',
      from: { path: '^src/adapters/' },
      to: { path: within('server/', 'commands/', 'client/', 'bench/', 'core/engine/') },
    },
    {
      name: 'native-only-through-adapters-mlx',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/mlx/' },
      to: { path: '^native/' },
    },
    {
      name: 'bin-only-through-adapters',
      comment: 'src/ may use the wheel fetcher of the bootstrap, and only there.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/' },
      to: { path: '^bin/' },
    },
    {
      name: 'client-knows-no-server',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: within('server/', 'commands/', 'bench/') },
    },
    {
      name: 'nothing-imports-commands',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/commands/' },
      to: { path: '^src/commands/' },
    },
    {
      name: 'commands-load-server-and-client-lazily',
      comment: '`semantic --version` must not load the server: await import() inside run().',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: {
        path: within('server/', 'client/', 'bench/', 'core/engine/', 'adapters/mlx/'),
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true, // a type crossing a border crosses it too
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^native/deps', '^native/build'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
