-- As before; where trials are stopped at rungs, their reports say how far they came, also when a parameter holds the
-- length of a full one.
CREATE OR REPLACE FUNCTION core.lengths(experiment bigint)
RETURNS TABLE (number int, line int, parent int, bracket int, rung int, state text, reason text, granted double precision,
               reached double precision, done double precision, spent double precision, pace double precision,
               cost double precision, value double precision, from_0 int)
LANGUAGE sql STABLE ROWS 100 SECURITY DEFINER SET search_path = pg_catalog SET enable_hashjoin = on AS $$
  WITH RECURSIVE x AS (
    SELECT o.metric, e.spec #>> '{fidelity,parameter}' IS NOT NULL AND e.spec #> '{fidelity,rungs}' IS NULL AS by_parameter
    FROM core.experiments e JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
    WHERE e.experiment_id = experiment),
  t AS MATERIALIZED (
    SELECT t.number, CASE WHEN t.budget ? 'resource' THEN (t.budget ->> 'parent')::int END AS parent,
           coalesce((t.budget ->> 'bracket')::int, 0) AS bracket, coalesce((t.budget ->> 'rung')::int, 0) AS rung,
           t.state, t.reason, (t.budget ->> 'resource')::double precision AS granted, t.cost, t.vals[1] AS value,
           extract(epoch FROM coalesce(t.finished_at, now()) - t.started_at)::double precision AS spent,
           a.step AS first, b.step AS last, extract(epoch FROM b.time - a.time)::double precision AS span, x.by_parameter
    FROM x, core.trials t
    LEFT JOIN LATERAL (
      SELECT o.step, o.time FROM core.observations o
      WHERE o.experiment_id = t.experiment_id AND o.number = t.number AND o.metric = x.metric ORDER BY o.step LIMIT 1) a ON true
    LEFT JOIN LATERAL (
      SELECT o.step, o.time FROM core.observations o
      WHERE o.experiment_id = t.experiment_id AND o.number = t.number AND o.metric = x.metric ORDER BY o.step DESC LIMIT 1) b ON true
    WHERE t.experiment_id = experiment),
  l AS (
    SELECT t.number, t.number AS line, coalesce(t.first <= 0, false) AS from_0 FROM t WHERE t.parent IS NULL
    UNION ALL
    SELECT t.number, l.line, l.from_0 OR coalesce(t.first <= 0, false) FROM t JOIN l ON l.number = t.parent),
  r AS MATERIALIZED (
    SELECT t.*, l.line, (t.first + l.from_0::int)::int AS begun, (t.last + l.from_0::int)::int AS came FROM t JOIN l USING (number)),
  m AS (
    SELECT r.*, coalesce(r.begun > p.came, false) AS continued,
           CASE WHEN r.by_parameter AND r.granted IS NOT NULL THEN p.granted ELSE p.came END AS before,
           CASE WHEN r.by_parameter AND r.granted IS NOT NULL THEN CASE WHEN r.state = 'succeeded' THEN r.granted END
                ELSE coalesce(r.came, CASE WHEN r.state = 'succeeded' THEN r.granted END) END AS reached
    FROM r LEFT JOIN r p ON p.number = r.parent)
  SELECT number, line, parent, bracket, rung, state, reason, granted, reached,
         reached - CASE WHEN continued THEN before ELSE 0 END, spent,
         CASE WHEN last > first THEN span / (last - first) * CASE WHEN by_parameter AND granted > 0 THEN came / granted ELSE 1 END END,
         cost, value, came - last
  FROM m $$;
