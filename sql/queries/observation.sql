-- The hot statement. Points whose trial is missing are left out by NOT IN, which is one look-up in a
-- hash table that is nearly always empty, whatever plan is taken. Reports renew their worker's lease when
-- half of it is over (due), by leases_extend: most write no trial, and pay for no trigger.
-- name: observations_add repeatable
-- in: experiments bigint[], numbers int[], metrics text[], steps bigint[], vals double[], times timestamptz[],
--   of_experiments bigint[], of_numbers int[]
-- out: @ack
WITH k AS MATERIALIZED (@reporting($7, $8)),
i AS (
  INSERT INTO core.observations AS o (experiment_id, number, metric, step, value, time)
  SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS r (experiment_id, number, metric, step, value, time)
  WHERE (experiment_id, number) NOT IN (SELECT experiment_id, number FROM k WHERE state IS NULL)
  @last_wins())
SELECT @ack(k) FROM k WHERE state IS NOT NULL;

-- The same for the points of one trial, which is what a lone client sends: it waits for this, and half of
-- the work above is for many.
-- name: observations_add_one repeatable
-- in: experiment bigint, number int, metrics text[], steps bigint[], vals double[], times timestamptz[]
-- out: @ack
WITH i AS (
  INSERT INTO core.observations AS o (experiment_id, number, metric, step, value, time)
  SELECT t.experiment_id, t.number, r.metric, r.step, r.value, r.time
  FROM core.trials t, unnest($3, $4, $5, $6) AS r (metric, step, value, time)
  WHERE t.experiment_id = $1 AND t.number = $2
  @last_wins())
SELECT @ack(t) FROM (
  SELECT experiment_id, number, state, stop, CASE WHEN stop IS NOT NULL THEN message END AS message, attempt, pushed,
         state = 'running' AND worker IS NOT NULL AND lease_until < now() + lease_seconds * interval '0.5 second' AS due
  FROM core.trials WHERE experiment_id = $1 AND number = $2) t;

-- The same when some points have no step: each of them takes the next of its trial and metric, in the
-- order sent.
-- name: observations_append
-- in: experiments bigint[], numbers int[], metrics text[], steps bigint[], vals double[], times timestamptz[],
--   of_experiments bigint[], of_numbers int[]
-- out: @ack
WITH k AS MATERIALIZED (@reporting($7, $8)),
r AS (
  SELECT r.experiment_id, r.number, r.metric, r.value, r.time, @next_step()
  FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS r (experiment_id, number, metric, step, value, time, i)),
i AS (
  INSERT INTO core.observations AS o (experiment_id, number, metric, step, value, time)
  SELECT experiment_id, number, metric, step, value, time FROM r
  WHERE (experiment_id, number) NOT IN (SELECT experiment_id, number FROM k WHERE state IS NULL)
  @last_wins())
SELECT @ack(k) FROM k WHERE state IS NOT NULL;

-- name: leases_extend repeatable
-- in: experiments bigint[], numbers int[]
-- out: count bigint
WITH t AS (
  UPDATE core.trials t SET lease_until = now() + t.lease_seconds * interval '1 second'
  FROM unnest($1, $2) AS u (experiment_id, number)
  WHERE t.experiment_id = u.experiment_id AND t.number = u.number AND t.state = 'running' AND t.worker IS NOT NULL
  RETURNING 1)
SELECT count(*) AS count FROM t;

-- Of each bucket of a metric the lowest and the highest point, and the first and last of all.
-- name: series repeatable
-- in: namespace text, name text, number int, trial text, metric text, from_step bigint, max_points int
-- out: in_experiment bigint, number int, metric text, step bigint, time timestamptz, value double, total bigint
WITH x AS (
  SELECT t.experiment_id, t.number FROM core.experiments e JOIN core.trials t USING (experiment_id)
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL
    AND t.number = CASE WHEN $3 > 0 THEN $3 ELSE
      (SELECT n.number FROM core.trials n WHERE n.experiment_id = e.experiment_id AND n.name = $4) END),
o AS (
  SELECT o.metric, o.step, o.time, o.value, count(*) OVER m AS total, row_number() OVER (m ORDER BY o.step) - 1 AS i
  FROM x JOIN core.observations o USING (experiment_id, number)
  WHERE ($5::text IS NULL OR o.metric = $5) AND o.step >= $6 WINDOW m AS (PARTITION BY o.metric)),
b AS (
  SELECT *, first_value(step) OVER (bucket ORDER BY value = 'NaN', value, step) AS lowest,
            first_value(step) OVER (bucket ORDER BY value = 'NaN', value DESC, step) AS highest
  FROM (SELECT *, CASE WHEN $7 = 0 OR total <= $7 THEN i ELSE i * greatest(($7 - 2) / 2, 1) / total END AS nth FROM o) o
  WINDOW bucket AS (PARTITION BY metric, nth)),
p AS (
  SELECT * FROM b WHERE step IN (lowest, highest) OR i = 0 OR i = total - 1)
SELECT x.experiment_id AS in_experiment, x.number, p.metric, p.step, p.time, p.value, p.total
FROM x LEFT JOIN p ON true ORDER BY p.metric, p.step;

-- name: curves repeatable
-- in: namespace text, name text, metric text, numbers int[], top int, max_points int
-- out: in_experiment bigint, number int, metric text, step bigint, time timestamptz, value double, total bigint
WITH x AS (
  SELECT experiment_id FROM core.experiments WHERE namespace = $1 AND name = $2 AND archived_at IS NULL),
k AS (
  SELECT unnest($4) AS number
  UNION (SELECT t.number FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x) AND t.cost IS NOT NULL
         ORDER BY t.cost, t.number LIMIT $5)
  UNION (SELECT t.number FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x) AND t.state = 'running'
         ORDER BY t.number DESC LIMIT $5)),
o AS (
  SELECT o.number, o.metric, o.step, o.time, o.value, count(*) OVER m AS total,
         row_number() OVER (m ORDER BY o.step) - 1 AS i
  FROM k JOIN core.observations o ON o.experiment_id = (SELECT experiment_id FROM x) AND o.number = k.number AND o.metric = $3
  WINDOW m AS (PARTITION BY o.number)),
b AS (
  SELECT *, first_value(step) OVER (bucket ORDER BY value = 'NaN', value, step) AS lowest,
            first_value(step) OVER (bucket ORDER BY value = 'NaN', value DESC, step) AS highest
  FROM (SELECT *, CASE WHEN $6 = 0 OR total <= $6 THEN i ELSE i * greatest(($6 - 2) / 2, 1) / total END AS nth FROM o) o
  WINDOW bucket AS (PARTITION BY number, nth)),
p AS (
  SELECT * FROM b WHERE step IN (lowest, highest) OR i = 0 OR i = total - 1)
SELECT x.experiment_id AS in_experiment, p.number, p.metric, p.step, p.time, p.value, p.total
FROM x LEFT JOIN p ON true ORDER BY p.number, p.step;

-- Those that nobody has judged yet are left out: unjudged_load has them.
-- name: observations_load repeatable
-- in: experiment bigint, metric text, after_number int, after_step bigint, max_rows int
-- out: number int, metric text, step bigint, time timestamptz, value double
SELECT number, metric, step, time, value FROM core.observations
WHERE experiment_id = $1 AND metric = $2 AND number >= $3 AND (number, step) > ($3, $4)
  AND (number, step) NOT IN (SELECT number, step FROM core.unjudged WHERE experiment_id = $1)
ORDER BY number, step LIMIT $5;

-- name: last_steps repeatable
-- in: experiment bigint, numbers int[]
-- out: number int, metric text, step bigint, points bigint, value double
SELECT o.number, o.metric, max(o.step) AS step, count(*) AS points, (array_agg(o.value ORDER BY o.step DESC))[1] AS value
FROM unnest($2) AS k (number) JOIN core.observations o ON o.experiment_id = $1 AND o.number = k.number
GROUP BY o.number, o.metric ORDER BY o.number, o.metric;
