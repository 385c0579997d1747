-- Without one of the sources nothing is created, and `lacks` names the first that is not there; unless the
-- experiment is there already, which has learned what it needs.
-- A name that is taken: the row is locked and returned as it is now, not as the snapshot saw it.
-- name: experiment_create repeatable
-- in: namespace text, name text, labels jsonb, annotations jsonb, form text, posted text, spec json, spec_sha256 text,
--   algorithm text, created_by text, state text, metrics text[], directions text[], strategies text[],
--   goals double[], additional bool[], names text[], types text[], distributions text[], lows double[],
--   highs double[], steps double[], choices jsonb[], bounded text[], mins double[], maxs double[],
--   source_namespaces text[], source_names text[]
-- out: outcome text, lacks text, uid text, posted text, spec json, @experiment, @progress, @best
WITH s AS (
  SELECT u.i, u.ns, u.name, x.experiment_id FROM unnest($27, $28) WITH ORDINALITY AS u (ns, name, i)
  LEFT JOIN core.experiments x ON x.namespace = u.ns AND x.name = u.name AND x.archived_at IS NULL),
e AS (
  INSERT INTO core.experiments AS x (namespace, name, labels, annotations, form, posted, spec, spec_sha256, algorithm, created_by,
                                     state, started_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $11 = 'running' THEN now() END
  WHERE NOT EXISTS (SELECT FROM s WHERE experiment_id IS NULL)
     OR EXISTS (SELECT FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL)
  ON CONFLICT (namespace, name) WHERE archived_at IS NULL DO UPDATE SET name = x.name
  RETURNING *, xmax = 0 AS fresh),
g AS (
  INSERT INTO core.progress (experiment_id) SELECT experiment_id FROM e WHERE fresh RETURNING *),
o AS (
  INSERT INTO core.objectives (experiment_id, ordinal, metric, direction, strategy, goal, additional)
  SELECT e.experiment_id, u.i - 1, u.metric, u.direction, u.strategy, nullif(u.goal, 'NaN'), u.additional
  FROM e, unnest($12, $13, $14, $15, $16) WITH ORDINALITY AS u (metric, direction, strategy, goal, additional, i)
  WHERE e.fresh),
q AS (
  INSERT INTO core.parameters (experiment_id, ordinal, name, type, distribution, lo, hi, step, choices)
  SELECT e.experiment_id, u.i - 1, u.name, u.type, u.distribution, nullif(u.lo, 'NaN'), nullif(u.hi, 'NaN'),
         nullif(u.step, 'NaN'), u.choices
  FROM e, unnest($17, $18, $19, $20, $21, $22, $23) WITH ORDINALITY
       AS u (name, type, distribution, lo, hi, step, choices, i)
  WHERE e.fresh),
c AS (
  INSERT INTO core.constraints (experiment_id, ordinal, metric, lo, hi)
  SELECT e.experiment_id, u.i - 1, u.metric, nullif(u.lo, 'NaN'), nullif(u.hi, 'NaN')
  FROM e, unnest($24, $25, $26) WITH ORDINALITY AS u (metric, lo, hi, i)
  WHERE e.fresh),
l AS (
  INSERT INTO core.lessons (experiment_id, source, ordinal, params, vals, violations)
  SELECT e.experiment_id, s.i - 1, row_number() OVER (PARTITION BY s.i ORDER BY t.completion), t.params, t.vals, t.violations
  FROM e, s, LATERAL core.results_for(s.experiment_id, $12, $13, $16, $24, $25, $26, 300) t
  WHERE e.fresh),
v AS (
  INSERT INTO core.events (experiment_id, type, reason, message)
  SELECT experiment_id, 'Normal', 'Created', CASE WHEN created_by = '' THEN 'created' ELSE 'created by ' || created_by END
  FROM e WHERE fresh
  RETURNING pg_notify('trimtab', experiment_id::text)::text)
SELECT CASE WHEN e.fresh THEN 'done' WHEN e.spec_sha256 = $8 THEN 'same' WHEN e.experiment_id IS NULL THEN 'not_found'
            ELSE 'differs' END AS outcome,
       (SELECT s.ns || '/' || s.name FROM s WHERE s.experiment_id IS NULL ORDER BY s.i LIMIT 1) AS lacks,
       e.uid::text AS uid, e.posted, e.spec, @experiment(e), @progress(p), @best(b)
FROM (SELECT) one LEFT JOIN e ON true
LEFT JOIN (SELECT * FROM g UNION ALL SELECT * FROM core.progress) p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true;

-- What was saved costs a look at each trial: while many run, only the answer about rungs has it.
-- name: experiment_get repeatable
-- in: namespace text, name text
-- out: uid text, posted text, spec json, saved json, @experiment, @progress, @best
SELECT e.uid::text AS uid, e.posted, e.spec,
       CASE WHEN (e.spec -> 'fidelity' IS NOT NULL OR e.spec -> 'earlyStopping' IS NOT NULL)
             AND (p.next_number <= 2000 OR e.finished_at IS NOT NULL) THEN core.saved(e.experiment_id) END AS saved,
       @experiment(e), @progress(p), @best(b)
FROM core.experiments e JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL;

-- name: experiment_load repeatable
-- in: experiment bigint
-- out: uid text, posted text, spec json, @experiment, @progress, @best
SELECT e.uid::text AS uid, e.posted, e.spec, @experiment(e), @progress(p), @best(b)
FROM core.experiments e JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
WHERE e.experiment_id = $1;

-- name: lessons_load repeatable
-- in: experiment bigint
-- out: source int, params jsonb, vals double[], violations double[]
SELECT source::int AS source, params, vals, violations FROM core.lessons WHERE experiment_id = $1 ORDER BY source, ordinal;

-- Ended within a day, and fewer web hooks heard of it (or were given up) than asked for that.
-- name: experiments_untold repeatable
-- in: max_rows int
-- out: uid text, posted text, spec json, @experiment, @progress, @best
SELECT e.uid::text AS uid, e.posted, e.spec, @experiment(e), @progress(p), @best(b)
FROM core.experiments e JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
WHERE e.finished_at > now() - interval '1 day' AND e.state IN ('succeeded', 'failed', 'stopped')
  AND e.spec -> 'notify' IS NOT NULL
  AND (SELECT count(*) FROM json_array_elements(e.spec -> 'notify') h
       WHERE (h -> 'on')::jsonb ? initcap(e.state))
    > (SELECT count(*) FROM core.events v
       WHERE v.experiment_id = e.experiment_id AND v.time >= e.finished_at AND v.number IS NULL
         AND v.reason IN ('WebHookDelivered', 'WebHookFailed'))
ORDER BY e.finished_at, e.experiment_id LIMIT $1;

-- The pages differ in their order only, and the last one in what it lists: each walks its index and stops at the
-- limit.
-- name: experiments_newest repeatable
-- in: namespace text, labels jsonb, state text, search text, after bigint, after_created timestamptz, max_rows int
-- out: uid text, brief json, @experiment, @progress, @best, remaining bigint
WITH e AS (
  SELECT * FROM core.experiments
  WHERE archived_at IS NULL AND ($1::text IS NULL OR namespace = $1) AND ($2::jsonb IS NULL OR labels @> $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR strpos(name, $4) > 0)
    AND ($5 = 0 OR (created_at, experiment_id) < ($6, $5))
  ORDER BY created_at DESC, experiment_id DESC LIMIT 10000 + $7)
SELECT e.uid::text AS uid, core.brief(e.spec) AS brief, @experiment(e), @progress(p), @best(b), e.remaining
FROM (SELECT *, (SELECT CASE WHEN count(*) = 10000 + $7 THEN -1 ELSE greatest(count(*) - $7, 0) END FROM e) AS remaining
      FROM e ORDER BY created_at DESC, experiment_id DESC LIMIT $7) e
JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
ORDER BY e.created_at DESC, e.experiment_id DESC;

-- name: experiments_oldest repeatable
-- in: namespace text, labels jsonb, state text, search text, after bigint, after_created timestamptz, max_rows int
-- out: uid text, brief json, @experiment, @progress, @best, remaining bigint
WITH e AS (
  SELECT * FROM core.experiments
  WHERE archived_at IS NULL AND ($1::text IS NULL OR namespace = $1) AND ($2::jsonb IS NULL OR labels @> $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR strpos(name, $4) > 0)
    AND ($5 = 0 OR (created_at, experiment_id) > ($6, $5))
  ORDER BY created_at, experiment_id LIMIT 10000 + $7)
SELECT e.uid::text AS uid, core.brief(e.spec) AS brief, @experiment(e), @progress(p), @best(b), e.remaining
FROM (SELECT *, (SELECT CASE WHEN count(*) = 10000 + $7 THEN -1 ELSE greatest(count(*) - $7, 0) END FROM e) AS remaining
      FROM e ORDER BY created_at, experiment_id LIMIT $7) e
JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
ORDER BY e.created_at, e.experiment_id;

-- name: experiments_by_name repeatable
-- in: namespace text, labels jsonb, state text, search text, after_namespace text, after_name text, max_rows int
-- out: uid text, brief json, @experiment, @progress, @best, remaining bigint
WITH e AS (
  SELECT * FROM core.experiments
  WHERE archived_at IS NULL AND ($1::text IS NULL OR namespace = $1) AND ($2::jsonb IS NULL OR labels @> $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR strpos(name, $4) > 0)
    AND ($5::text IS NULL OR (namespace, name) > ($5, $6))
  ORDER BY namespace, name LIMIT 10000 + $7)
SELECT e.uid::text AS uid, core.brief(e.spec) AS brief, @experiment(e), @progress(p), @best(b), e.remaining
FROM (SELECT *, (SELECT CASE WHEN count(*) = 10000 + $7 THEN -1 ELSE greatest(count(*) - $7, 0) END FROM e) AS remaining
      FROM e ORDER BY namespace, name LIMIT $7) e
JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
ORDER BY e.namespace, e.name;

-- name: experiments_by_name_down repeatable
-- in: namespace text, labels jsonb, state text, search text, after_namespace text, after_name text, max_rows int
-- out: uid text, brief json, @experiment, @progress, @best, remaining bigint
WITH e AS (
  SELECT * FROM core.experiments
  WHERE archived_at IS NULL AND ($1::text IS NULL OR namespace = $1) AND ($2::jsonb IS NULL OR labels @> $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR strpos(name, $4) > 0)
    AND ($5::text IS NULL OR (namespace, name) < ($5, $6))
  ORDER BY namespace DESC, name DESC LIMIT 10000 + $7)
SELECT e.uid::text AS uid, core.brief(e.spec) AS brief, @experiment(e), @progress(p), @best(b), e.remaining
FROM (SELECT *, (SELECT CASE WHEN count(*) = 10000 + $7 THEN -1 ELSE greatest(count(*) - $7, 0) END FROM e) AS remaining
      FROM e ORDER BY namespace DESC, name DESC LIMIT $7) e
JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
ORDER BY e.namespace DESC, e.name DESC;

-- name: experiments_archived repeatable
-- in: namespace text, labels jsonb, state text, search text, after bigint, after_archived timestamptz, max_rows int
-- out: uid text, brief json, @experiment, @progress, @best, remaining bigint
WITH e AS (
  SELECT * FROM core.experiments
  WHERE archived_at IS NOT NULL AND ($1::text IS NULL OR namespace = $1) AND ($2::jsonb IS NULL OR labels @> $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR strpos(name, $4) > 0)
    AND ($5 = 0 OR (archived_at, experiment_id) < ($6, $5))
  ORDER BY archived_at DESC, experiment_id DESC LIMIT 10000 + $7)
SELECT e.uid::text AS uid, core.brief(e.spec) AS brief, @experiment(e), @progress(p), @best(b), e.remaining
FROM (SELECT *, (SELECT CASE WHEN count(*) = 10000 + $7 THEN -1 ELSE greatest(count(*) - $7, 0) END FROM e) AS remaining
      FROM e ORDER BY archived_at DESC, experiment_id DESC LIMIT $7) e
JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true
ORDER BY e.archived_at DESC, e.experiment_id DESC;

-- name: experiment_patch
-- in: namespace text, name text, if_version bigint, spec json, spec_sha256 text, labels jsonb, annotations jsonb
-- out: outcome text, uid text, posted text, spec json, @experiment, @progress, @best
WITH u AS (
  UPDATE core.experiments SET spec = coalesce($4, spec), spec_sha256 = coalesce($5, spec_sha256),
         labels = coalesce($6, labels), annotations = coalesce($7, annotations), version = version + 1
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND ($3 = 0 OR version = $3)
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told),
e AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT 'stale', x.*, '' FROM core.experiments x
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND NOT EXISTS (SELECT FROM u))
SELECT e.outcome, e.uid::text AS uid, e.posted, e.spec, @experiment(e), @progress(p), @best(b)
FROM e JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true;

-- Which intent is legal in which state, and what it makes of it.
-- name: experiment_intend
-- in: namespace text, name text, intent text, spec json, spec_sha256 text, who text
-- out: outcome text, uid text, posted text, spec json, @experiment, @progress, @best
WITH u AS (
  UPDATE core.experiments SET
    state = CASE $3 WHEN 'stop' THEN 'stopping' WHEN 'cancel' THEN 'stopping' WHEN 'pause' THEN 'paused' ELSE 'running' END,
    cancelling = $3 = 'cancel',
    reason = CASE $3 WHEN 'stop' THEN 'UserStopped' WHEN 'cancel' THEN 'UserCancelled' WHEN 'pause' THEN 'Paused'
             WHEN 'resume' THEN 'Resumed' ELSE 'Restarted' END,
    message = CASE $3 WHEN 'stop' THEN 'stopped' WHEN 'cancel' THEN 'cancelled' WHEN 'pause' THEN 'paused'
              WHEN 'resume' THEN 'resumed' ELSE 'restarted' END || CASE WHEN $6 = '' THEN '' ELSE ' by ' || $6 END,
    spec = coalesce($4, spec), spec_sha256 = coalesce($5, spec_sha256),
    started_at = CASE WHEN $3 = 'resume' THEN coalesce(started_at, now()) ELSE started_at END,
    finished_at = CASE WHEN $3 = 'restart' THEN NULL ELSE finished_at END,
    version = version + 1
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND CASE $3
    WHEN 'stop' THEN state IN ('running', 'paused')
    WHEN 'cancel' THEN state IN ('running', 'paused') OR state = 'stopping' AND NOT cancelling
    WHEN 'pause' THEN state = 'running'
    WHEN 'resume' THEN state = 'paused'
    WHEN 'restart' THEN state IN ('succeeded', 'failed', 'stopped') END
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told),
v AS (
  INSERT INTO core.events (experiment_id, type, reason, message) SELECT experiment_id, 'Normal', reason, message FROM u),
e AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT CASE WHEN $3 = 'stop' AND state IN ('stopping', 'stopped') OR $3 = 'cancel' AND state IN ('stopping', 'stopped')
                OR $3 = 'pause' AND state = 'paused' OR $3 IN ('resume', 'restart') AND state = 'running'
              THEN 'same' ELSE 'wrong_state' END, x.*, ''
  FROM core.experiments x
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND NOT EXISTS (SELECT FROM u))
SELECT e.outcome, e.uid::text AS uid, e.posted, e.spec, @experiment(e), @progress(p), @best(b)
FROM e JOIN core.progress p USING (experiment_id)
LEFT JOIN LATERAL core.best(e.experiment_id) b ON true;

-- name: experiment_archive
-- in: namespace text, name text, if_version bigint
-- out: outcome text, uid text, @experiment
WITH u AS (
  UPDATE core.experiments SET archived_at = now(), version = version + 1,
         cancelling = cancelling OR state IN ('running', 'paused', 'stopping'),
         reason = CASE WHEN state IN ('running', 'paused', 'stopping') THEN 'UserCancelled' ELSE reason END,
         state = CASE WHEN state IN ('running', 'paused') THEN 'stopping' ELSE state END
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND ($3 = 0 OR version = $3)
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told),
e AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT 'stale', x.*, '' FROM core.experiments x
  WHERE namespace = $1 AND name = $2 AND archived_at IS NULL AND NOT EXISTS (SELECT FROM u))
SELECT e.outcome, e.uid::text AS uid, @experiment(e) FROM e;

-- Observations have no foreign key (it would cost a look-up a point) and may be millions: they go by
-- observations_sweep, a part at a time.
-- With a uid the one that has it, archived or not.
-- name: experiment_purge
-- in: namespace text, name text, uid text, if_version bigint
-- out: outcome text, uid text, @experiment
WITH i AS (
  SELECT experiment_id FROM core.experiments
  WHERE $3::text IS NULL AND namespace = $1 AND name = $2 AND archived_at IS NULL
  UNION ALL
  SELECT experiment_id FROM core.experiments WHERE uid = $3::uuid AND namespace = $1 AND name = $2),
d AS (
  DELETE FROM core.experiments
  WHERE experiment_id IN (SELECT experiment_id FROM i) AND ($4 = 0 OR version = $4)
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told),
p AS (
  INSERT INTO core.purged (experiment_id) SELECT experiment_id FROM d),
u AS (
  DELETE FROM core.unjudged WHERE experiment_id IN (SELECT experiment_id FROM d)),
e AS (
  SELECT 'done' AS outcome, d.* FROM d
  UNION ALL
  SELECT 'stale', x.*, '' FROM core.experiments x JOIN i USING (experiment_id) WHERE NOT EXISTS (SELECT FROM d))
SELECT e.outcome, e.uid::text AS uid, @experiment(e) FROM e;

-- name: observations_sweep repeatable
-- in: max_rows int
-- out: count bigint
WITH x AS MATERIALIZED (SELECT min(experiment_id) AS id FROM core.purged),
d AS (
  DELETE FROM core.observations WHERE experiment_id = (SELECT id FROM x) AND ctid = ANY (ARRAY (
    SELECT ctid FROM core.observations WHERE experiment_id = (SELECT id FROM x) LIMIT $1))
  RETURNING 1),
p AS (
  DELETE FROM core.purged WHERE experiment_id = (SELECT id FROM x) AND NOT EXISTS (SELECT FROM d) RETURNING 1)
SELECT (SELECT count(*) FROM core.purged) - (SELECT count(*) FROM p) AS count;

-- name: experiment_move
-- in: experiment bigint, epoch bigint, from_states text[], to_state text, reason text, message text
-- out: outcome text, uid text, @experiment, @progress
WITH p AS (
  UPDATE core.progress SET change = change + 1 WHERE experiment_id = $1 AND epoch = $2 RETURNING *),
u AS (
  UPDATE core.experiments e SET state = $4, reason = $5, message = $6, version = version + 1,
    cancelling = cancelling AND $4 = 'stopping',
    finished_at = CASE WHEN $4 IN ('succeeded', 'failed', 'stopped') THEN now() END
  FROM p WHERE e.experiment_id = p.experiment_id AND e.state = ANY ($3)
  RETURNING e.*, pg_notify('trimtab', e.experiment_id::text)::text AS told),
v AS (
  INSERT INTO core.events (experiment_id, type, reason, message)
  SELECT experiment_id, CASE WHEN state = 'failed' THEN 'Warning' ELSE 'Normal' END, reason, message FROM u),
e AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT 'wrong_state', x.*, '' FROM core.experiments x
  WHERE x.experiment_id = $1 AND NOT EXISTS (SELECT FROM u))
SELECT e.outcome, e.uid::text AS uid, @experiment(e), @progress(p) FROM e JOIN p USING (experiment_id);
