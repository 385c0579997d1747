-- What users and workers do with trials. core.progress is locked first here too; instead of the epoch
-- the state decides, and the owner is notified.

-- The trial of x that is meant, by number or name, as it is when nobody else can change it any more: a statement
-- that waited for the row of core.progress sees all else as it was before, and somebody may have said the same
-- meanwhile.
-- part: held
SELECT t.*
  FROM (SELECT p.experiment_id FROM x JOIN core.progress p USING (experiment_id) FOR UPDATE OF p) l
  JOIN core.trials t USING (experiment_id)
  WHERE t.number = CASE WHEN @1 > 0 THEN @1 ELSE
    (SELECT n.number FROM core.trials n WHERE n.experiment_id = l.experiment_id AND n.name = @2) END
  FOR UPDATE OF t

-- name: worker_trials repeatable
-- in: namespace text, name text, worker text
-- out: @about, @place, @trial
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
t AS (
  UPDATE core.trials t SET lease_until = now() + t.lease_seconds * interval '1 second'
  FROM x WHERE t.experiment_id = x.experiment_id AND t.state = 'running' AND t.worker = $3 AND t.stop IS NULL RETURNING t.*)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x), @trial(t)
FROM x LEFT JOIN t ON true ORDER BY t.number;

-- name: trials_enqueue
-- in: namespace text, name text, params jsonb[], max_trials int
-- out: @about, @place, @trial
WITH x AS (
  SELECT experiment_id, name, state, uid::text AS uid, core.metric_names(experiment_id) AS metrics,
         core.parameter_names(experiment_id) AS parameters
  FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
l AS (
  SELECT p.experiment_id, p.next_number AS first,
         greatest(least(cardinality($3), CASE WHEN $4 = 0 THEN cardinality($3) ELSE $4 - (p.next_number - 1 - p.imported) END), 0) AS n
  FROM core.progress p WHERE p.experiment_id IN (SELECT experiment_id FROM x WHERE state IN ('running', 'paused')) FOR UPDATE),
p AS (
  UPDATE core.progress p SET change = p.change + 1, next_number = l.first + l.n
  FROM l WHERE p.experiment_id = l.experiment_id AND l.n > 0
  RETURNING p.experiment_id, p.change, p.next_number, l.first, l.n),
t AS (
  INSERT INTO core.trials (experiment_id, number, name, params, source, state, reason, change)
  SELECT p.experiment_id, p.first + u.i - 1, core.trial_name(x.name, x.uid::uuid, (p.first + u.i - 1)::int), u.params,
         'user', 'pending', 'Enqueued', p.change
  FROM p JOIN x USING (experiment_id), unnest($3) WITH ORDINALITY AS u (params, i) WHERE u.i <= p.n
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told)
SELECT x.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, @place(x), @trial(t)
FROM x JOIN core.progress g USING (experiment_id) LEFT JOIN p ON true LEFT JOIN t ON true
ORDER BY t.number;

-- name: trials_import
-- in: namespace text, name text, params jsonb[], given jsonb[], states text[], reasons text[], messages text[]
-- out: @about, @place, @trial
WITH x AS (
  SELECT experiment_id, name, state, uid::text AS uid, core.metric_names(experiment_id) AS metrics,
         core.parameter_names(experiment_id) AS parameters
  FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
p AS (
  UPDATE core.progress SET change = change + 1, next_number = next_number + cardinality($3),
         imported = imported + cardinality($3), completions = completions + cardinality($3)
  WHERE experiment_id IN (SELECT experiment_id FROM x) RETURNING *),
u AS (
  SELECT p.experiment_id, (p.next_number - cardinality($3) + u.i - 1)::int AS number, u.params, v.vals, v.extra, v.violations,
         CASE WHEN w.state = 'succeeded' THEN v.cost END AS cost, w.state,
         w.why, w.sentence, (p.completions - cardinality($3) + u.i)::int AS completion, p.change
  FROM p, unnest($3, $4, $5, $6, $7) WITH ORDINALITY AS u (params, given, asked, reason, message, i)
  CROSS JOIN LATERAL core.final_values(p.experiment_id, (p.next_number - cardinality($3) + u.i - 1)::int, u.given) v
  CROSS JOIN LATERAL core.verdict(u.asked, u.reason, u.message, v.seen, v.missing, v.bad) w),
t AS (
  INSERT INTO core.trials (experiment_id, number, name, params, source, state, reason, message, vals, extra, cost, violations,
                           completion, started_at, finished_at, change)
  SELECT u.experiment_id, u.number, core.trial_name(x.name, x.uid::uuid, u.number), u.params, 'import', u.state,
         coalesce(u.why, 'Imported'), coalesce(u.sentence, ''), u.vals, u.extra,
         u.cost, u.violations, u.completion, now(), now(), u.change
  FROM u JOIN x USING (experiment_id)
  RETURNING *, pg_notify('trimtab', experiment_id::text)::text AS told)
SELECT x.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, @place(x), @trial(t)
FROM x JOIN core.progress g USING (experiment_id) LEFT JOIN p ON true LEFT JOIN t ON true
ORDER BY t.number;

-- A trial that was told to stop early ends so, even if its worker says that it succeeded: it did not run to
-- its end.
-- name: trial_tell
-- in: namespace text, name text, number int, trial text, asked text, given jsonb, reason text, message text
-- out: outcome text, @about, @place, @trial
WITH x AS (
  SELECT experiment_id, name, state, uid::text AS uid, core.metric_names(experiment_id) AS metrics,
         core.parameter_names(experiment_id) AS parameters
  FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
o AS (@held($3, $4)),
f AS (
  SELECT o.experiment_id, o.number, v.vals, v.extra, v.violations, CASE WHEN w.state = 'succeeded' THEN v.cost END AS cost, w.state, w.why,
         w.sentence
  FROM o, core.final_values(o.experiment_id, o.number, $6) v,
       core.verdict(CASE WHEN $5 = 'succeeded' AND o.stop NOT IN ('UserKilled', 'BudgetReached') THEN 'early_stopped' ELSE $5 END, $7, $8,
                    v.seen, v.missing, v.bad) w),
p AS (
  UPDATE core.progress p SET change = p.change + 1, completions = p.completions + 1
  FROM o WHERE p.experiment_id = o.experiment_id AND core.trial_edge(o.state, $5) RETURNING p.*),
u AS (
  UPDATE core.trials t SET state = f.state,
    message = CASE WHEN f.state = 'early_stopped' AND t.stop IS NOT NULL AND coalesce(f.sentence, '') = '' THEN t.message
                   ELSE coalesce(f.sentence, '') END,
    reason = CASE WHEN f.state = 'early_stopped' AND t.stop IS NOT NULL THEN t.stop
                  ELSE coalesce(nullif(f.why, ''), CASE WHEN f.state = 'succeeded' THEN 'Completed' ELSE 'WorkerReported' END) END,
    vals = f.vals, extra = f.extra, cost = f.cost, violations = f.violations, completion = p.completions,
    started_at = coalesce(t.started_at, now()), finished_at = now(), change = p.change
  FROM f, p WHERE t.experiment_id = f.experiment_id AND t.number = f.number
   AND core.trial_edge(t.state, $5)
  RETURNING t.*, pg_notify('trimtab', t.experiment_id::text)::text AS told),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, CASE WHEN state IN ('succeeded', 'early_stopped') THEN 'Normal' ELSE 'Warning' END,
         CASE WHEN reason <> '' AND state <> 'early_stopped' THEN reason ELSE replace(initcap(replace(state, '_', ' ')), ' ', '') END, message FROM u),
t AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT CASE WHEN o.state = 'pending' THEN 'wrong_state' WHEN o.state = f.state AND o.vals IS NOT DISTINCT FROM f.vals THEN 'same' ELSE 'differs' END, o.*, ''
  FROM o JOIN f USING (experiment_id, number) WHERE NOT EXISTS (SELECT FROM u))
SELECT t.outcome, x.experiment_id AS in_experiment, greatest(g.change, t.change) AS in_change,
       g.next_number AS in_next_number, @place(x), @trial(t)
FROM x JOIN core.progress g USING (experiment_id) LEFT JOIN t ON true;

-- name: trial_touch repeatable
-- in: namespace text, name text, number int, trial text
-- out: @about, @place, @trial
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
o AS (
  SELECT t.* FROM x JOIN core.trials t USING (experiment_id) WHERE t.number = CASE WHEN $3 > 0 THEN $3 ELSE
    (SELECT n.number FROM core.trials n WHERE n.experiment_id = x.experiment_id AND n.name = $4) END),
u AS (
  UPDATE core.trials t SET lease_until = now() + t.lease_seconds * interval '1 second'
  FROM o WHERE t.experiment_id = o.experiment_id AND t.number = o.number AND t.state = 'running' AND t.worker IS NOT NULL
  RETURNING t.*),
t AS (SELECT * FROM u UNION ALL SELECT * FROM o WHERE NOT EXISTS (SELECT FROM u))
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x), @trial(t)
FROM x LEFT JOIN t ON true;

-- name: trial_kill
-- in: namespace text, name text, number int, trial text, who text
-- out: outcome text, @about, @place, @trial
WITH x AS (
  SELECT experiment_id, name, state, uid::text AS uid, core.metric_names(experiment_id) AS metrics,
         core.parameter_names(experiment_id) AS parameters
  FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
o AS (@held($3, $4)),
p AS (
  UPDATE core.progress p SET change = p.change + 1, completions = p.completions + 1
  FROM o WHERE p.experiment_id = o.experiment_id AND NOT core.trial_over(o.state) RETURNING p.*),
u AS (
  UPDATE core.trials t SET stop = 'UserKilled', message = 'killed' || CASE WHEN $5 = '' THEN '' ELSE ' by ' || $5 END,
    state = CASE WHEN t.state = 'pending' THEN 'killed' ELSE t.state END,
    reason = CASE WHEN t.state = 'pending' THEN 'UserKilled' ELSE t.reason END,
    finished_at = CASE WHEN t.state = 'pending' THEN now() END,
    completion = CASE WHEN t.state = 'pending' THEN p.completions END, change = p.change
  FROM p, o WHERE t.experiment_id = o.experiment_id AND t.number = o.number AND NOT core.trial_over(t.state)
   AND t.stop IS NULL
  RETURNING t.*, pg_notify('trimtab', t.experiment_id::text)::text AS told),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Normal', 'UserKilled', message FROM u),
t AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT CASE WHEN o.state = 'killed' OR NOT core.trial_over(o.state) THEN 'same' ELSE 'wrong_state' END, o.*, ''
  FROM o WHERE NOT EXISTS (SELECT FROM u))
SELECT t.outcome, x.experiment_id AS in_experiment, greatest(g.change, t.change) AS in_change,
       g.next_number AS in_next_number, @place(x), @trial(t)
FROM x JOIN core.progress g USING (experiment_id) LEFT JOIN t ON true;

-- name: trial_retry
-- in: namespace text, name text, number int, trial text, who text
-- out: outcome text, @about, @place, @trial
WITH x AS (
  SELECT experiment_id, name, state, uid::text AS uid, core.metric_names(experiment_id) AS metrics,
         core.parameter_names(experiment_id) AS parameters
  FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
o AS (@held($3, $4)),
p AS (
  UPDATE core.progress p SET change = p.change + 1
  FROM o, x WHERE p.experiment_id = o.experiment_id AND x.state IN ('running', 'paused') AND core.trial_over(o.state)
  RETURNING p.*),
u AS (
  UPDATE core.trials t SET state = 'pending', attempt = t.attempt + 1, stop = NULL, reason = 'Retry',
    message = 'retried' || CASE WHEN $5 = '' THEN '' ELSE ' by ' || $5 END,
    exit_code = NULL, object = NULL, vals = NULL, extra = NULL, cost = NULL, violations = NULL, completion = NULL, executor = NULL,
    worker = NULL, lease_seconds = NULL, lease_until = NULL, started_at = NULL, finished_at = NULL, change = p.change
  FROM p, o WHERE t.experiment_id = o.experiment_id AND t.number = o.number AND core.trial_over(t.state)
   AND core.trial_edge(t.state, 'pending')
  RETURNING t.*, pg_notify('trimtab', t.experiment_id::text)::text AS told),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Normal', reason, message FROM u),
t AS (
  SELECT 'done' AS outcome, u.* FROM u
  UNION ALL
  SELECT CASE WHEN o.state = 'pending' THEN 'same' ELSE 'wrong_state' END, o.*, ''
  FROM o WHERE NOT EXISTS (SELECT FROM u))
SELECT t.outcome, x.experiment_id AS in_experiment, greatest(g.change, t.change) AS in_change,
       g.next_number AS in_next_number, @place(x), @trial(t)
FROM x JOIN core.progress g USING (experiment_id) LEFT JOIN t ON true;
