/** Where the addon of this machine lies: built in a checkout, or in the package of its platform that npm put beside this one. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageDirectory } from './paths.js';

export interface FoundAddon {
  readonly path: string;
  /** MLX and what it links against; the addon looks for them there by its own path. */
  readonly libraries: string;
  /** In a checkout, by CMake and a compiler. */
  readonly isBuiltHere: boolean;
  /** What brings it here where it is not there. */
  readonly fix: string;
}

/** Where it is, or should be. `root`: the folder of this package. */
export function findAddon(root: string = packageDirectory()): FoundAddon {
  const isBuiltHere = existsSync(join(root, 'native', 'CMakeLists.txt'));
  const name = `semantic-${process.platform}-${process.arch}`;
  const folder = isBuiltHere ? join(root, 'native') : (packageFolder(name, root) ?? join(root, 'node_modules', name));
  return {
    path: join(folder, 'build', 'semantic.node'),
    libraries: join(folder, 'deps', 'mlx'),
    isBuiltHere,
    fix: isBuiltHere
      ? 'Run `npm start` in the package: it fetches MLX and builds the addon.'
      : `Run \`npm install ${name}\` where semantic is installed: npm leaves it out with --omit=optional, and where there is none for the platform.`,
  };
}

function packageFolder(name: string, root: string): string | null {
  try {
    return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}
