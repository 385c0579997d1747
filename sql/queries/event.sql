-- name: events_add
-- in: experiments bigint[], numbers int[], types text[], reasons text[], messages text[]
-- out: count bigint
WITH v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT u.experiment_id, nullif(u.number, 0), u.type, u.reason, u.message
  FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS u (experiment_id, number, type, reason, message, i)
  JOIN core.experiments e USING (experiment_id)
  ORDER BY u.i
  RETURNING 1)
SELECT count(*) AS count FROM v;

-- name: events_newest repeatable
-- in: namespace text, name text, number int, before bigint, max_rows int
-- out: in_experiment bigint, experiment bigint, id bigint, number int, type text, reason text, message text, time timestamptz
SELECT e.experiment_id AS in_experiment, v.experiment_id AS experiment, v.event_id AS id, v.number, v.type, v.reason,
       v.message, v.time
FROM core.experiments e LEFT JOIN LATERAL (
  SELECT * FROM core.events v WHERE v.experiment_id = e.experiment_id AND ($3 = 0 OR v.number = $3)
    AND ($4 = 0 OR v.event_id < $4)
  ORDER BY v.event_id DESC LIMIT $5) v ON true
WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL
ORDER BY v.event_id DESC;

-- name: events_since repeatable
-- in: experiment bigint, after bigint, max_rows int
-- out: in_experiment bigint, experiment bigint, id bigint, number int, type text, reason text, message text, time timestamptz
SELECT experiment_id AS in_experiment, experiment_id AS experiment, event_id AS id, number, type, reason, message, time
FROM core.events WHERE experiment_id = $1 AND event_id > $2
ORDER BY event_id LIMIT $3;

-- name: ask_add repeatable
-- in: namespace text, name text, worker text, wanted int, lease_seconds int
-- out: outcome text
WITH e AS (
  SELECT experiment_id, state FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
a AS (
  INSERT INTO core.asks (experiment_id, worker, wanted, lease_seconds)
  SELECT experiment_id, $3, $4, $5 FROM e WHERE state IN ('running', 'paused')
  ON CONFLICT (experiment_id, worker) DO UPDATE
    SET wanted = EXCLUDED.wanted, lease_seconds = EXCLUDED.lease_seconds, asked_at = now()
  RETURNING pg_notify('trimtab', experiment_id::text)::text)
SELECT CASE WHEN EXISTS (SELECT FROM a) THEN 'done' WHEN EXISTS (SELECT FROM e) THEN 'wrong_state'
            ELSE 'not_found' END AS outcome;

-- name: asks_load repeatable
-- in: experiment bigint
-- out: worker text, wanted int, lease_seconds int, asked_at timestamptz
SELECT worker, wanted, lease_seconds, asked_at FROM core.asks WHERE experiment_id = $1 ORDER BY asked_at, worker;

-- name: ask_done repeatable
-- in: experiment bigint, worker text
-- out: count bigint
WITH d AS (DELETE FROM core.asks WHERE experiment_id = $1 AND worker = $2 RETURNING 1) SELECT count(*) AS count FROM d;
