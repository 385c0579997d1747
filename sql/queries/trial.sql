-- What the control loop reads and writes. Every write first takes the row of core.progress: that is its
-- lock, its fence and its change number. No row in p: the epoch is stale, and nothing else happens.
--
-- Where rows of a batch meet their trials, experiment and number both come from the batch: with a constant
-- for the experiment, the planner of a young table reads all its trials once for each row.

-- name: trials_load repeatable
-- in: experiment bigint, after_change bigint, after_number int, max_rows int
-- out: @about, @trial
SELECT g.experiment_id AS in_experiment, g.change AS in_change, g.next_number AS in_next_number,
       @trial(t)
FROM core.progress g LEFT JOIN LATERAL (
  SELECT * FROM core.trials t WHERE t.experiment_id = g.experiment_id AND (t.change, t.number) > ($2, $3)
  ORDER BY t.change, t.number LIMIT $4) t ON true
WHERE g.experiment_id = $1
ORDER BY t.change, t.number;

-- name: trials_add repeatable
-- in: experiment bigint, epoch bigint, expected_next int, last_number int, params jsonb[], budgets jsonb[], sources text[],
--   states text[], executors text[], workers text[], leases int[]
-- out: @about, fenced bool, @trial
WITH p AS (
  UPDATE core.progress SET change = change + 1, next_number = next_number + greatest(least($4 - $3 + 1, cardinality($5)), 0)
  WHERE experiment_id = $1 AND ($2 = 0 OR epoch = $2) AND next_number = $3
  RETURNING change, next_number),
t AS (
  INSERT INTO core.trials (experiment_id, number, name, params, budget, source, state, worker, lease_seconds, lease_until,
                           executor, started_at, change)
  SELECT $1, $3 + n.i - 1, core.trial_name(e.name, e.uid, ($3 + n.i - 1)::int), n.params, n.budget, n.source, n.state,
         n.worker, nullif(n.lease, 0), CASE WHEN n.lease > 0 THEN now() + n.lease * interval '1 second' END,
         CASE WHEN n.worker IS NOT NULL THEN 'worker' ELSE n.executor END, CASE WHEN n.state = 'running' THEN now() END, p.change
  FROM p, core.experiments e,
       unnest($5, $6, $7, $8, $9, $10, $11) WITH ORDINALITY
       AS n (params, budget, source, state, executor, worker, lease, i)
  WHERE e.experiment_id = $1 AND $3 + n.i - 1 <= $4
  RETURNING *)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AND $2 <> 0 AND g.epoch <> $2 AS fenced,
       @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;

-- name: trials_start
-- in: experiment bigint, epoch bigint, numbers int[], executor text
-- out: @about, fenced bool, @trial
WITH p AS (
  UPDATE core.progress SET change = change + 1 WHERE experiment_id = $1 AND epoch = $2 RETURNING change, next_number),
t AS (
  UPDATE core.trials t SET state = 'starting', executor = $4, change = p.change
  FROM p WHERE t.experiment_id = $1 AND t.number = ANY ($3) AND t.state = 'pending' AND t.stop IS NULL
  RETURNING t.*)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AS fenced, @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;

-- Completions are numbered in the order of the batch. OFFSET 0 for the same reason. Why a trial was told to stop
-- outlives the news that it has started.
-- name: trials_move
-- in: experiment bigint, epoch bigint, numbers int[], attempts int[], states text[], reasons text[], messages text[],
--   exit_codes int[], objects jsonb[], workers text[], leases int[]
-- out: @about, fenced bool, @trial
WITH f AS (
  SELECT was.experiment_id, m.number, m.attempt, m.asked, m.exit_code, m.object, m.worker, m.lease, was.state AS was,
         v.vals, v.extra, v.violations, w.state, w.why, w.sentence, CASE WHEN w.state = 'succeeded' THEN v.cost END AS cost,
         core.trial_over(m.asked) AS over,
         count(*) FILTER (WHERE core.trial_over(m.asked)) OVER (ORDER BY m.i) AS nth,
         count(*) FILTER (WHERE core.trial_over(m.asked)) OVER () AS ends
  FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11) WITH ORDINALITY
       AS m (number, attempt, asked, reason, message, exit_code, object, worker, lease, i)
  CROSS JOIN LATERAL (SELECT experiment_id, state FROM core.trials r
    WHERE r.experiment_id = $1 AND r.number = m.number AND r.attempt = m.attempt OFFSET 0) was
  LEFT JOIN LATERAL core.final_values($1, m.number, NULL) v ON core.trial_over(m.asked)
  CROSS JOIN LATERAL core.verdict(m.asked, m.reason, m.message, v.seen, v.missing, v.bad) w
  WHERE core.trial_edge(was.state, m.asked)),
p AS (
  UPDATE core.progress SET change = change + 1, completions = completions + coalesce((SELECT max(ends) FROM f), 0)
  WHERE experiment_id = $1 AND epoch = $2 RETURNING change, next_number, completions),
t AS (
  UPDATE core.trials t SET state = f.state, reason = coalesce(f.why, t.reason),
    message = CASE WHEN t.stop IS NOT NULL AND NOT f.over THEN t.message ELSE coalesce(f.sentence, t.message) END,
    exit_code = coalesce(f.exit_code, t.exit_code), object = coalesce(f.object, t.object),
    worker = coalesce(f.worker, t.worker), executor = CASE WHEN f.worker IS NULL THEN t.executor ELSE 'worker' END,
    lease_seconds = CASE WHEN f.worker IS NULL THEN t.lease_seconds ELSE f.lease END,
    lease_until = CASE WHEN f.worker IS NULL THEN t.lease_until ELSE now() + f.lease * interval '1 second' END,
    vals = f.vals, extra = f.extra, cost = f.cost, violations = f.violations, change = p.change,
    completion = CASE WHEN f.over THEN p.completions - f.ends + f.nth END,
    started_at = CASE WHEN f.asked IN ('running', 'succeeded', 'early_stopped') THEN coalesce(t.started_at, now())
                      WHEN f.asked = 'pending' THEN NULL ELSE t.started_at END,
    finished_at = CASE WHEN f.over THEN now() END
  FROM f, p
  WHERE t.experiment_id = f.experiment_id AND t.number = f.number AND t.attempt = f.attempt AND core.trial_edge(t.state, f.asked)
  RETURNING t.*, f.was, f.was = 'running' AND f.asked = 'running' AND f.worker IS NULL AS noted),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT t.experiment_id, t.number,
         CASE WHEN t.noted OR t.state IN ('failed', 'lost', 'metrics_unavailable') THEN 'Warning' ELSE 'Normal' END,
         CASE WHEN t.reason <> '' AND t.state <> 'early_stopped' THEN t.reason
              ELSE replace(initcap(replace(t.state, '_', ' ')), ' ', '') END, t.message
  FROM t WHERE t.noted OR (t.was <> t.state AND t.state <> 'starting') ORDER BY t.completion, t.number)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AS fenced, @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;

-- name: trials_retry
-- in: experiment bigint, epoch bigint, numbers int[], message text
-- out: @about, fenced bool, @trial
WITH p AS (
  UPDATE core.progress SET change = change + 1 WHERE experiment_id = $1 AND epoch = $2 RETURNING change, next_number),
t AS (
  UPDATE core.trials t SET state = 'pending', attempt = t.attempt + 1, stop = NULL, reason = 'Retry', message = $4,
    exit_code = NULL, object = NULL, vals = NULL, extra = NULL, cost = NULL, violations = NULL, completion = NULL, executor = NULL,
    worker = NULL, lease_seconds = NULL, lease_until = NULL, started_at = NULL, finished_at = NULL, change = p.change
  FROM p WHERE t.experiment_id = $1 AND t.number = ANY ($3) AND core.trial_over(t.state)
   AND core.trial_edge(t.state, 'pending')
  RETURNING t.*),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Normal', reason, message FROM t)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AS fenced, @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;

-- name: trials_expire
-- in: experiment bigint, epoch bigint
-- out: @about, fenced bool, @trial
WITH l AS (
  SELECT t.experiment_id, t.number, row_number() OVER (ORDER BY t.lease_until, t.number) AS nth, v.vals, v.extra, v.violations
  FROM core.trials t, core.final_values(t.experiment_id, t.number, NULL) v
  WHERE t.experiment_id = $1 AND t.state = 'running' AND t.worker IS NOT NULL AND t.lease_until < now()),
p AS (
  UPDATE core.progress SET change = change + 1, completions = completions + (SELECT count(*) FROM l)
  WHERE experiment_id = $1 AND epoch = $2 RETURNING change, next_number, completions),
t AS (
  UPDATE core.trials t SET state = 'lost', reason = 'WorkerLost', vals = l.vals, extra = l.extra, violations = l.violations,
    message = 'worker ' || t.worker || ' was silent for more than ' || t.lease_seconds || ' s',
    finished_at = now(), completion = p.completions - (SELECT count(*) FROM l) + l.nth, change = p.change
  FROM p, l WHERE t.experiment_id = l.experiment_id AND t.number = l.number AND t.state = 'running' AND t.lease_until < now()
  RETURNING t.*),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Warning', reason, message FROM t)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AS fenced, @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;

-- name: trials_pushed repeatable
-- in: experiment bigint, numbers int[]
-- out: count bigint
WITH n AS (
  SELECT experiment_id, number FROM core.trials WHERE experiment_id = $1 AND number = ANY ($2) AND NOT pushed),
p AS (
  UPDATE core.progress SET change = change + 1 WHERE experiment_id = $1 AND EXISTS (SELECT FROM n) RETURNING change),
t AS (
  UPDATE core.trials t SET pushed = true, change = p.change
  FROM p, n WHERE t.experiment_id = n.experiment_id AND t.number = n.number AND NOT t.pushed
  RETURNING pg_notify('trimtab', t.experiment_id::text)::text)
SELECT count(*) AS count FROM t;
