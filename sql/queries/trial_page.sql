-- Pages of trials with their ranks. Each walks one index from where the last page ended. What is the
-- same for all rows is asked in subqueries that do not look at the row, and so run once.
-- name: trials_by_number repeatable
-- in: namespace text, name text, states text[], after_number int, max_rows int
-- out: @about, @place, remaining bigint, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
t AS (
  SELECT t.* FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x) AND t.number > $4
    AND ($3::text[] IS NULL OR t.state = ANY ($3))
  ORDER BY t.number LIMIT $5)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       CASE WHEN $3::text[] IS NULL THEN x.next_number - 1 - (SELECT max(number) FROM t)
            ELSE (SELECT count(*) FROM core.trials c WHERE c.experiment_id = (SELECT experiment_id FROM x) AND c.state = ANY ($3)
                  AND c.number > (SELECT max(number) FROM t)) END AS remaining,
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN t ON true
LEFT JOIN core.ranks((SELECT experiment_id FROM x), (SELECT array_agg(cost) FROM t)) r ON r.cost = t.cost
ORDER BY t.number;

-- name: trials_by_number_down repeatable
-- in: namespace text, name text, states text[], after_number int, max_rows int
-- out: @about, @place, remaining bigint, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
t AS (
  SELECT t.* FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x)
    AND t.number < CASE WHEN $4 = 0 THEN 2147483647 ELSE $4 END AND ($3::text[] IS NULL OR t.state = ANY ($3))
  ORDER BY t.number DESC LIMIT $5)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       CASE WHEN $3::text[] IS NULL THEN (SELECT min(number) FROM t) - 1
            ELSE (SELECT count(*) FROM core.trials c WHERE c.experiment_id = (SELECT experiment_id FROM x) AND c.state = ANY ($3)
                  AND c.number < (SELECT min(number) FROM t)) END AS remaining,
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN t ON true
LEFT JOIN core.ranks((SELECT experiment_id FROM x), (SELECT array_agg(cost) FROM t)) r ON r.cost = t.cost
ORDER BY t.number DESC;

-- Without constraints every trial that succeeded has a rank, so those behind the last one of the page need
-- not be counted.
-- name: trials_by_rank repeatable
-- in: namespace text, name text, after_cost double, after_number int, max_rows int
-- out: @about, @place, remaining bigint, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, p.succeeded, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
t AS (
  SELECT t.* FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x) AND t.cost IS NOT NULL
    AND (t.cost, t.number) > ($3, $4)
  ORDER BY t.cost, t.number LIMIT $5),
z AS (SELECT cost, number FROM t ORDER BY cost DESC, number DESC LIMIT 1)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       coalesce(CASE WHEN EXISTS (SELECT FROM core.constraints n WHERE n.experiment_id = (SELECT experiment_id FROM x))
         THEN (SELECT count(*) FROM core.trials c WHERE c.experiment_id = (SELECT experiment_id FROM x)
               AND (c.cost, c.number) > ((SELECT cost FROM z), (SELECT number FROM z)))
         ELSE x.succeeded + 1 - max(r.rank) OVER () -
           (SELECT count(*) FROM core.trials c WHERE c.experiment_id = (SELECT experiment_id FROM x)
            AND c.cost = (SELECT cost FROM z) AND c.number <= (SELECT number FROM z)) END, 0) AS remaining,
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN t ON true
LEFT JOIN core.ranks((SELECT experiment_id FROM x), (SELECT array_agg(cost) FROM t)) r ON r.cost = t.cost
ORDER BY t.cost, t.number;

-- name: trials_by_change repeatable
-- in: namespace text, name text, states text[], after_change bigint, after_number int, max_rows int
-- out: @about, @place, remaining bigint, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
t AS (
  SELECT t.* FROM core.trials t WHERE t.experiment_id = (SELECT experiment_id FROM x)
    AND (t.change, t.number) > ($4, $5) AND ($3::text[] IS NULL OR t.state = ANY ($3))
  ORDER BY t.change, t.number LIMIT $6),
z AS (SELECT change, number FROM t ORDER BY change DESC, number DESC LIMIT 1)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       (SELECT count(*) FROM core.trials c WHERE c.experiment_id = (SELECT experiment_id FROM x)
         AND (c.change, c.number) > ((SELECT change FROM z), (SELECT number FROM z))
         AND ($3::text[] IS NULL OR c.state = ANY ($3))) AS remaining,
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN t ON true
LEFT JOIN core.ranks((SELECT experiment_id FROM x), (SELECT array_agg(cost) FROM t)) r ON r.cost = t.cost
ORDER BY t.change, t.number;

-- name: trial_get repeatable
-- in: namespace text, name text, number int, trial text
-- out: @about, @place, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN core.trials t ON t.experiment_id = x.experiment_id AND t.number = CASE WHEN $3 > 0 THEN $3 ELSE
  (SELECT n.number FROM core.trials n WHERE n.experiment_id = x.experiment_id AND n.name = $4) END
LEFT JOIN LATERAL core.ranks(x.experiment_id, ARRAY[t.cost]) r ON true;

-- With one objective the index of the ranking knows the lowest cost. With two, one walk in the order of the
-- first leaves few candidates; with more, all are compared.
-- name: pareto repeatable
-- in: namespace text, name text, max_rows int
-- out: @about, @place, @trial, @ranked, last_step bigint
WITH x AS (
  SELECT e.experiment_id, e.state, e.uid::text AS uid, o.metric, p.change, p.next_number, core.metric_names(e.experiment_id) AS metrics,
         core.parameter_names(e.experiment_id) AS parameters, (
           SELECT array_agg(CASE WHEN direction = 'minimize' THEN 1.0 ELSE -1.0 END ORDER BY ordinal)
           FROM core.objectives o WHERE o.experiment_id = e.experiment_id AND NOT o.additional) AS signs
  FROM core.experiments e JOIN core.progress p USING (experiment_id)
  LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
  WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL),
c AS (
  SELECT t.number, (SELECT array_agg(v * s ORDER BY i) FROM unnest(t.vals, x.signs) WITH ORDINALITY AS u (v, s, i)) AS costs
  FROM x JOIN core.trials t USING (experiment_id)
  WHERE cardinality(x.signs) > 1 AND t.cost IS NOT NULL AND array_position(t.vals, NULL) IS NULL),
d AS (
  SELECT number, costs, min(costs[2]) OVER (ORDER BY costs[1], costs[2]) AS lowest, cardinality(costs) AS n FROM c),
f AS MATERIALIZED (
  SELECT number, costs FROM d WHERE n > 2 OR costs[2] <= lowest
  UNION ALL
  SELECT t.number, ARRAY[t.cost] FROM x JOIN core.trials t USING (experiment_id)
  WHERE cardinality(x.signs) = 1
    AND t.cost = (SELECT min(b.cost) FROM core.trials b WHERE b.experiment_id = (SELECT experiment_id FROM x))),
t AS (
  SELECT t.* FROM x JOIN core.trials t USING (experiment_id) JOIN f a USING (number)
  WHERE NOT EXISTS (
    SELECT FROM f b WHERE b.number <> a.number AND b.costs[1] <= a.costs[1]
      AND (SELECT bool_and(p <= q) AND bool_or(p < q) FROM unnest(b.costs, a.costs) AS u (p, q)))
  ORDER BY t.cost, t.number LIMIT $3)
SELECT x.experiment_id AS in_experiment, x.change AS in_change, x.next_number AS in_next_number, @place(x),
       @trial(t), @ranked(r), (SELECT max(b.step) FROM core.observations b
        WHERE b.experiment_id = t.experiment_id AND b.number = t.number AND b.metric = x.metric) AS last_step
FROM x LEFT JOIN t ON true
LEFT JOIN core.ranks((SELECT experiment_id FROM x), (SELECT array_agg(cost) FROM t)) r ON r.cost = t.cost
ORDER BY t.cost, t.number;

-- The ranking of an experiment as it is now, for core.ranks.
-- name: ranking_keep repeatable
-- in: experiment bigint
-- out: count bigint
WITH c AS (
  SELECT cost, (sum(count(*)) OVER (ORDER BY cost) - count(*))::int AS below FROM core.trials
  WHERE experiment_id = $1 AND cost IS NOT NULL GROUP BY cost),
f AS (
  SELECT array_agg(cost ORDER BY cost) AS fences, array_agg(below ORDER BY cost) AS below
  FROM (SELECT cost, below, lag(below / 64, 1, -1) OVER (ORDER BY cost) AS previous FROM c) d WHERE below / 64 <> previous),
r AS (
  INSERT INTO core.rankings (experiment_id, change, completions, succeeded, fences, below)
  SELECT p.experiment_id, p.change, p.completions, p.succeeded, f.fences, f.below
  FROM core.progress p, f WHERE p.experiment_id = $1 AND f.fences IS NOT NULL
  ON CONFLICT (experiment_id) DO UPDATE SET change = EXCLUDED.change, completions = EXCLUDED.completions,
    succeeded = EXCLUDED.succeeded, fences = EXCLUDED.fences, below = EXCLUDED.below
  RETURNING 1)
SELECT count(*) AS count FROM r;

-- What importance is computed from: the succeeded trials' parameters and objectives in one row, in the order
-- in which they ended; of more than max_rows the last ones.
-- name: experiment_results repeatable
-- in: namespace text, name text, max_rows int
-- out: uid text, ns text, name text, spec json, params json, vals json, count bigint
SELECT e.uid::text AS uid, e.namespace AS ns, e.name, e.spec, r.params, r.vals, r.n AS count
FROM core.experiments e, LATERAL (
  SELECT json_agg(t.params ORDER BY t.completion) AS params, json_agg(to_jsonb(t.vals) ORDER BY t.completion) AS vals, count(*) AS n
  FROM (SELECT params, vals, completion FROM core.trials WHERE experiment_id = e.experiment_id AND state = 'succeeded'
        ORDER BY completion DESC LIMIT $3) t) r
WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL;
