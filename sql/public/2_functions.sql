CREATE OR REPLACE FUNCTION trimtab.best_params(experiment text, namespace text DEFAULT 'default') RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT e.best_params FROM trimtab.experiments e WHERE e.experiment = $1 AND e.namespace = $2 $$;
COMMENT ON FUNCTION trimtab.best_params IS 'The parameters of the best trial of an experiment.';

CREATE OR REPLACE FUNCTION trimtab.wide_sql(experiment text, namespace text DEFAULT 'default') RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT format('SELECT trial, state, rank, value%s, duration_s FROM trimtab.trials WHERE namespace = %L AND experiment = %L',
    string_agg(format(', %s AS %I',
      CASE WHEN p.type IN ('double', 'discrete') THEN format('(params ->> %L)::double precision', p.param)
           WHEN p.type = 'int' THEN format('(params ->> %L)::bigint', p.param)
           ELSE format('params ->> %L', p.param) END,
      p.param), '' ORDER BY p.ordinal), $2, $1)
  FROM trimtab.parameters p WHERE p.experiment = $1 AND p.namespace = $2 $$;
COMMENT ON FUNCTION trimtab.wide_sql IS 'The SELECT that shows an experiment with a typed column per parameter: run it with \gexec, or make_view().';

CREATE OR REPLACE FUNCTION trimtab.make_view(experiment text, view_name text, namespace text DEFAULT 'default') RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE VIEW %I AS %s', view_name, trimtab.wide_sql(experiment, namespace));
  RETURN view_name;
END $$;
COMMENT ON FUNCTION trimtab.make_view IS 'Makes a view of wide_sql() in your own schema.';

-- By ranks (Mann-Whitney), which is 50 times faster than comparing all pairs and gives the same number.
CREATE OR REPLACE FUNCTION trimtab.compare(a text, b text, namespace text DEFAULT 'default')
RETURNS TABLE (experiment text, finished bigint, best double precision, median double precision,
               p_better double precision, trials_to_other_best bigint)
LANGUAGE sql STABLE AS $$
  WITH d AS (
    SELECT e.experiment AS x, e.direction FROM trimtab.experiments e WHERE e.namespace = $3 AND e.experiment IN ($1, $2)),
  v AS (
    SELECT t.experiment AS x, CASE WHEN d.direction = 'minimize' THEN t.value ELSE -t.value END AS c, t.value
    FROM trimtab.trials t JOIN d ON d.x = t.experiment
    WHERE t.namespace = $3 AND t.experiment IN ($1, $2) AND t.rank IS NOT NULL),
  r AS (
    SELECT x, c, value, rank() OVER (ORDER BY c) + (count(*) OVER (PARTITION BY c) - 1) / 2.0 AS rk FROM v),
  s AS (
    SELECT x, count(*) AS n, min(c) AS least, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS middle, sum(rk) AS sr
    FROM r GROUP BY x),
  k AS (
    SELECT f.experiment AS x, f.n_finished, CASE WHEN d.direction = 'minimize' THEN f.best ELSE -f.best END AS c
    FROM trimtab.best_so_far f JOIN d ON d.x = f.experiment
    WHERE f.namespace = $3 AND f.experiment IN ($1, $2))
  SELECT s.x, s.n, CASE WHEN d.direction = 'minimize' THEN s.least ELSE -s.least END, s.middle,
         (1 - (s.sr / s.n - (s.n + 1) / 2.0) / o.n)::double precision,
         (SELECT min(k.n_finished) FROM k WHERE k.x = s.x AND k.c <= o.least)
  FROM s JOIN d ON d.x = s.x JOIN s o ON o.x <> s.x ORDER BY s.least $$;
COMMENT ON FUNCTION trimtab.compare IS 'Two experiments side by side: p_better is the probability that a trial of this one beats one of the other; trials_to_other_best is how many it took to reach the other''s best.';
