/** The tables of the queue. */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS job (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  scope TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  body BLOB NOT NULL,
  class TEXT NOT NULL,
  priority INTEGER NOT NULL,
  deadline INTEGER,
  max_attempts INTEGER NOT NULL,
  idempotency_key TEXT,
  fingerprint TEXT NOT NULL,
  webhook TEXT,
  webhook_tries INTEGER NOT NULL DEFAULT 0,
  webhook_at INTEGER,
  batch TEXT,
  custom_id TEXT,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  available_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  worker TEXT,
  lease TEXT,
  lease_until INTEGER,
  engine_ms REAL,
  status INTEGER,
  result BLOB,
  error_code TEXT,
  error TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS job_of_key ON job (scope, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_next ON job (priority DESC, seq) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS job_leased ON job (lease_until) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS job_dated ON job (deadline) WHERE deadline IS NOT NULL AND state IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS job_over ON job (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_told ON job (webhook_at) WHERE webhook_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_of_batch ON job (batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_of_scope ON job (scope, seq);
CREATE TABLE IF NOT EXISTS event (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  job TEXT NOT NULL,
  scope TEXT NOT NULL,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS document (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS document_of_kind ON document (kind, seq);
CREATE INDEX IF NOT EXISTS event_of_job ON event (job, place);
CREATE INDEX IF NOT EXISTS event_of_topic ON event (topic, place);
`;
