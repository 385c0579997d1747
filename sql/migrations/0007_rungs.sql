-- As before; the value with which a trial came to a rung is found by the key of the observations, not among all
-- points of the trial.
CREATE OR REPLACE FUNCTION core.rungs(experiment bigint)
RETURNS TABLE (bracket int, rung int, resource double precision, trials bigint, running bigint, promoted bigint, stopped bigint,
               failed bigint, best_trial int, best_value double precision)
LANGUAGE sql STABLE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH x AS (
    SELECT e.spec #> '{fidelity,rungs}' AS at, (e.spec #>> '{fidelity,max}')::double precision AS whole, o.metric,
           CASE o.direction WHEN 'minimize' THEN 1 ELSE -1 END AS sign
    FROM core.experiments e JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
    WHERE e.experiment_id = experiment AND e.spec -> 'fidelity' IS NOT NULL),
  r AS MATERIALIZED (SELECT l.* FROM x, core.lengths(experiment) l),
  levels AS (
    SELECT b.bracket, v.i - 1 - b.bracket AS rung, v.at, lead(v.at) OVER (PARTITION BY b.bracket ORDER BY v.i) AS next
    FROM (SELECT DISTINCT bracket FROM r) b,
         (SELECT u.i::int AS i, u.value::text::double precision AS at
          FROM x, json_array_elements(x.at) WITH ORDINALITY AS u (value, i)
          UNION ALL SELECT json_array_length(x.at) + 1, x.whole FROM x WHERE x.at IS NOT NULL) v
    WHERE v.i > b.bracket),
  met AS (
    SELECT v.bracket, v.rung, v.at, v.next, r.number, core.trial_over(r.state) AS over, r.state, r.reached >= v.next AS beyond, o.value
    FROM levels v
    LEFT JOIN r ON r.bracket = v.bracket AND r.reached >= v.at
    LEFT JOIN LATERAL (
      SELECT b.value FROM core.observations b
      WHERE b.experiment_id = experiment AND b.number = r.number AND b.metric = (SELECT metric FROM x)
        AND b.step <= floor(v.at)::bigint - r.from_0
      ORDER BY b.step DESC LIMIT 1) o ON true
    UNION ALL
    SELECT r.bracket, r.rung, max(r.granted) OVER (PARTITION BY r.bracket, r.rung), NULL, r.number, core.trial_over(r.state), r.state,
           EXISTS (SELECT FROM r c WHERE c.parent = r.number), r.value
    FROM x, r WHERE x.at IS NULL AND r.granted IS NOT NULL)
  SELECT m.bracket, m.rung, m.at, count(m.number),
         count(*) FILTER (WHERE NOT m.over AND m.beyond IS NOT TRUE),
         count(*) FILTER (WHERE m.beyond OR m.next IS NOT NULL AND NOT m.over),
         count(*) FILTER (WHERE m.state = 'early_stopped' AND m.beyond IS NOT TRUE),
         count(*) FILTER (WHERE m.state IN ('failed', 'lost', 'killed', 'metrics_unavailable') AND m.beyond IS NOT TRUE),
         (array_agg(m.number ORDER BY x.sign * m.value, m.number) FILTER (WHERE m.value NOT IN ('NaN', 'Infinity', '-Infinity')))[1],
         (array_agg(m.value ORDER BY x.sign * m.value, m.number) FILTER (WHERE m.value NOT IN ('NaN', 'Infinity', '-Infinity')))[1]
  FROM met m, x GROUP BY m.bracket, m.rung, m.at ORDER BY m.bracket, m.rung $$;

-- The server's connections join by nested loops only, which suits its statements: a few rows by their keys. These
-- functions join all trials of an experiment with each other.
ALTER FUNCTION core.lengths SET enable_hashjoin = on;
ALTER FUNCTION core.saved SET enable_hashjoin = on;
ALTER FUNCTION core.rungs SET enable_hashjoin = on;
