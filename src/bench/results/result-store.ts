/** Benchmarks that were run, in the embedded database: one row each, its JSON as it is. Commands open it for a moment. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { SemanticError } from '../../core/domain/errors.js';
import { type BenchmarkBody, benchmarkSchema } from './schema.js';

const SCHEMA = 'CREATE TABLE IF NOT EXISTS benchmark (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, body TEXT NOT NULL)';
const BUSY_MS = 5_000;

export class ResultStore {
  private constructor(private readonly database: Database.Database) {}

  /** Made where there is none. Throws ConfigInvalid where it cannot be opened. */
  static open(path: string): ResultStore {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, 'a', 0o600)); // the database would make it by the umask
      const database = new Database(path, { timeout: BUSY_MS });
      database.exec(SCHEMA);
      return new ResultStore(database);
    } catch (cause) {
      throw new SemanticError('ConfigInvalid', `[bench] results cannot be kept in ${path}: ${(cause as Error).message}`, {
        hint: 'Set SEMANTIC_HOME to a folder that can be written, or give --no-save.',
        cause,
      });
    }
  }

  save(benchmark: BenchmarkBody): void {
    const insert = this.database.prepare('INSERT OR REPLACE INTO benchmark (id, created_at, body) VALUES (?, ?, ?)');
    insert.run([benchmark.id, benchmark.createdAt, JSON.stringify(benchmark)]);
  }

  /** The newest first; rows that cannot be read are left out. */
  list(limit: number): readonly BenchmarkBody[] {
    const rows = this.database.prepare('SELECT body FROM benchmark ORDER BY created_at DESC, id DESC LIMIT ?').all([limit]) as Row[];
    return rows.flatMap(({ body }) => parsed(body) ?? []);
  }

  /** `id`: whole, its beginning or end where only one has it, or `latest`. Throws BenchmarkNotFound, InvalidRequest. */
  get(id: string): BenchmarkBody {
    const found = id === 'latest' ? this.list(1) : this.#matching(id);
    if (found.length > 1) {
      throw new SemanticError('InvalidRequest', `[bench] ${found.length} benchmarks are called ${id}`, {
        hint: `Say more of one: ${found.map((one) => one.id).join(', ')}.`,
      });
    }
    if (found[0] !== undefined) return found[0];
    throw new SemanticError('BenchmarkNotFound', `[bench] there is no benchmark ${JSON.stringify(id)}`, { hint: 'See: semantic bench ls' });
  }

  close(): void {
    this.database.close();
  }

  #matching(id: string): readonly BenchmarkBody[] {
    if (!/^[\w-]{1,64}$/.test(id)) return [];
    const exact = this.database.prepare('SELECT body FROM benchmark WHERE id = ?').all([id]) as Row[];
    const rows =
      exact.length > 0
        ? exact
        : (this.database
            .prepare('SELECT body FROM benchmark WHERE substr(id, 1, length(?)) = ? OR substr(id, -length(?)) = ?')
            .all([id, id, id, id]) as Row[]);
    return rows.flatMap(({ body }) => parsed(body) ?? []);
  }
}

interface Row {
  readonly body: string;
}

function parsed(body: string): BenchmarkBody | null {
  try {
    return benchmarkSchema.parse(JSON.parse(body));
  } catch {
    return null;
  }
}
