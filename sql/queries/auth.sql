-- name: token_find repeatable
-- in: sha256 text
-- out: sha256 text, name text, ns text, role text, created_at timestamptz, expires_at timestamptz
SELECT sha256, name, namespace AS ns, role, created_at, expires_at FROM core.tokens
WHERE sha256 = $1 AND (expires_at IS NULL OR expires_at > now());

-- name: tokens_list repeatable
-- out: sha256 text, name text, ns text, role text, created_at timestamptz, expires_at timestamptz
SELECT sha256, name, namespace AS ns, role, created_at, expires_at FROM core.tokens ORDER BY name;

-- name: token_add
-- in: sha256 text, name text, namespace text, role text, expires_at timestamptz
-- out: outcome text
WITH a AS (
  INSERT INTO core.tokens (sha256, name, namespace, role, expires_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT CASE WHEN EXISTS (SELECT FROM a) THEN 'done' ELSE 'differs' END AS outcome;

-- name: token_delete
-- in: name text
-- out: outcome text
WITH d AS (DELETE FROM core.tokens WHERE name = $1 RETURNING 1)
SELECT CASE WHEN EXISTS (SELECT FROM d) THEN 'done' ELSE 'not_found' END AS outcome;

-- name: setting_get repeatable
-- in: name text
-- out: value text
SELECT value FROM core.settings WHERE name = $1;

-- A first request that has not answered for a minute died with its server: the next one begins anew.
-- name: idempotency_begin
-- in: principal text, key text, request_sha256 text
-- out: outcome text, status int, headers jsonb, body text
WITH k AS (
  INSERT INTO core.idempotency AS i (principal, key, request_sha256) VALUES ($1, $2, $3)
  ON CONFLICT (principal, key) DO UPDATE SET created_at = CASE
    WHEN i.status IS NULL AND i.request_sha256 = EXCLUDED.request_sha256 AND i.created_at < now() - interval '1 minute'
    THEN now() ELSE i.created_at END
  RETURNING *)
SELECT CASE WHEN request_sha256 <> $3 THEN 'reused' WHEN status IS NOT NULL THEN 'finished'
            WHEN created_at = now() THEN 'begun' ELSE 'running' END AS outcome, status, headers, body
FROM k;

-- name: idempotency_finish repeatable
-- in: principal text, key text, status int, headers jsonb, body text
-- out: outcome text
WITH u AS (
  UPDATE core.idempotency SET status = $3, headers = $4, body = $5 WHERE principal = $1 AND key = $2 RETURNING 1)
SELECT CASE WHEN EXISTS (SELECT FROM u) THEN 'done' ELSE 'not_found' END AS outcome;

-- name: idempotency_abandon repeatable
-- in: principal text, key text
-- out: outcome text
WITH d AS (DELETE FROM core.idempotency WHERE principal = $1 AND key = $2 AND status IS NULL RETURNING 1)
SELECT CASE WHEN EXISTS (SELECT FROM d) THEN 'done' ELSE 'not_found' END AS outcome;

-- name: idempotency_expire repeatable
-- in: age_us bigint
-- out: count bigint
WITH d AS (
  DELETE FROM core.idempotency WHERE created_at < now() - $1 * interval '1 microsecond' RETURNING 1)
SELECT count(*) AS count FROM d;
