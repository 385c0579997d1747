-- What was driven under this name is waited for: a last statement of the killed server may hold its row for a
-- moment, and would make this one believe that somebody else drives it. Of what nobody drives any more only that
-- is taken which no other replica is just taking.
-- name: lease_claim
-- in: owner text, ttl_us bigint, held bigint[], max_rows int
-- out: experiment bigint, epoch bigint
WITH mine AS MATERIALIZED (
  SELECT g.experiment_id FROM core.progress g JOIN core.experiments e USING (experiment_id)
  WHERE e.state IN ('running', 'paused', 'stopping') AND g.owner = $1 AND NOT g.experiment_id = ANY ($3)
  ORDER BY g.experiment_id LIMIT $4 FOR UPDATE OF g),
free AS MATERIALIZED (
  SELECT g.experiment_id FROM core.progress g JOIN core.experiments e USING (experiment_id)
  WHERE e.state IN ('running', 'paused', 'stopping') AND g.owner IS DISTINCT FROM $1 AND g.lease_until < now()
  ORDER BY g.experiment_id LIMIT $4 - (SELECT count(*) FROM mine) FOR UPDATE OF g SKIP LOCKED),
-- Materialized: a row that was waited for is joined with it once more.
c AS MATERIALIZED (SELECT * FROM mine UNION ALL SELECT * FROM free)
UPDATE core.progress p SET owner = $1, epoch = p.epoch + 1, lease_until = now() + $2 * interval '1 microsecond'
FROM c
WHERE p.experiment_id = c.experiment_id
RETURNING p.experiment_id AS experiment, p.epoch;

-- name: lease_renew repeatable
-- in: owner text, ttl_us bigint, experiments bigint[], epochs bigint[]
-- out: experiment bigint, epoch bigint
UPDATE core.progress p SET lease_until = now() + $2 * interval '1 microsecond'
FROM unnest($3, $4) AS h (experiment_id, epoch)
WHERE p.experiment_id = h.experiment_id AND p.epoch = h.epoch AND p.owner = $1
RETURNING p.experiment_id AS experiment, p.epoch;

-- name: lease_release repeatable
-- in: owner text, experiments bigint[], epochs bigint[]
-- out: count bigint
WITH r AS (
  UPDATE core.progress p SET lease_until = '-infinity', owner = NULL
  FROM unnest($2, $3) AS h (experiment_id, epoch)
  WHERE p.experiment_id = h.experiment_id AND p.epoch = h.epoch AND p.owner = $1
  RETURNING pg_notify('trimtab', p.experiment_id::text)::text)
SELECT count(*) AS count FROM r;

-- Of these runs those of this database, and whether their trial is over or went on without them.
-- name: runs_look repeatable
-- in: experiments bigint[], uids text[], numbers int[], attempts int[]
-- out: uid text, number int, attempt int, over bool
SELECT u.uid, u.number, u.attempt, t.number IS NULL OR core.trial_over(t.state) OR t.attempt > u.attempt AS over
FROM unnest($1, $2, $3, $4) AS u (experiment_id, uid, number, attempt)
JOIN core.experiments e ON e.experiment_id = u.experiment_id AND e.uid::text = u.uid
LEFT JOIN core.trials t ON t.experiment_id = u.experiment_id AND t.number = u.number;
