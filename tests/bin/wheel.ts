/** Makes small real wheels, which pip takes from a folder instead of an index. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const WRITE_WHEEL = `
import json, sys, zipfile
wheel = json.load(sys.stdin)
info = wheel["name"].replace("-", "_") + "-" + wheel["version"] + ".dist-info/"
with zipfile.ZipFile(wheel["path"], "w", zipfile.ZIP_DEFLATED) as out:
    for name, text in wheel["files"].items():
        out.writestr(name, text)
    out.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: " + wheel["name"] + "\\nVersion: " + wheel["version"] + "\\n")
    out.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: " + wheel["tag"] + "\\n")
    out.writestr(info + "RECORD", "")
`;

export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly tag?: string;
  /** Text by path. */
  readonly files: Readonly<Record<string, string>>;
}

export interface MadeWheel {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export function makeWheel(directory: string, { name, version, tag = 'py3-none-any', files }: Wheel): MadeWheel {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name.replaceAll('-', '_')}-${version}-${tag}.whl`);
  execFileSync('python3', ['-c', WRITE_WHEEL], { input: JSON.stringify({ name, version, tag, files, path }) });
  return { name, version, path, bytes: statSync(path).size, sha256: sha256(readFileSync(path)) };
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
