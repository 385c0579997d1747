-- Constraints on outcomes, and what an experiment learned from earlier ones.

CREATE TABLE core.constraints (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  ordinal        smallint NOT NULL,
  metric         text NOT NULL COLLATE "C",          -- has a row in core.objectives, watched at least
  lo             double precision,
  hi             double precision,
  PRIMARY KEY (experiment_id, ordinal),
  UNIQUE (experiment_id, metric)
);

-- By how much a trial breaks each constraint, in their order: above 0 = it does, null = not measured.
-- Whoever breaks one has no cost, so it is neither ranked nor ever the best.
ALTER TABLE core.trials ADD COLUMN violations double precision[];

-- The results of earlier experiments (warmStart), copied when the experiment was created: whatever happens
-- to those later, the same search goes on. Values are in the order of this experiment's objectives.
CREATE TABLE core.lessons (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  source         smallint NOT NULL,                  -- its place in spec.warmStart
  ordinal        int NOT NULL,                       -- in the order in which they ended
  params         jsonb NOT NULL,
  vals           double precision[] NOT NULL,
  violations     double precision[],
  PRIMARY KEY (experiment_id, source, ordinal)
);

-- Above 0 if v is outside of the bounds, by how much; what is not a number breaks every bound.
CREATE FUNCTION core.violation(v double precision, lo double precision, hi double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN v IS NULL THEN NULL WHEN v = 'NaN' THEN 'Infinity' ELSE greatest(lo - v, v - hi) END $$;

CREATE FUNCTION core.feasible(violations double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT bool_and(coalesce(v <= 0, false)) FROM unnest(violations) AS u (v) $$;

-- As before, and the constraints: `missing` names their metrics too, and cost is null where one is broken.
DROP FUNCTION core.final_values(bigint, int, jsonb);
CREATE FUNCTION core.final_values(experiment bigint, trial int, given jsonb)
RETURNS TABLE (vals double precision[], extra jsonb, cost double precision, violations double precision[],
               seen text[], missing text[], bad text)
LANGUAGE sql STABLE ROWS 1 AS $$
  WITH reported AS (
    SELECT metric, min(value) FILTER (WHERE value <> 'NaN') AS lo, max(value) FILTER (WHERE value <> 'NaN') AS hi
    FROM core.observations WHERE experiment_id = experiment AND number = trial GROUP BY metric),
  metrics AS (
    SELECT metric FROM reported
    UNION SELECT jsonb_object_keys(given)
    UNION SELECT metric FROM core.objectives WHERE experiment_id = experiment),
  valued AS MATERIALIZED (
    SELECT m.metric, o.ordinal, o.direction, coalesce(o.additional, true) AS additional, c.ordinal AS bound, c.lo, c.hi,
           CASE WHEN given ? m.metric THEN (given ->> m.metric)::double precision
                WHEN r.metric IS NULL THEN NULL
                WHEN o.strategy = 'min' THEN coalesce(r.lo, 'NaN')
                WHEN o.strategy = 'max' THEN coalesce(r.hi, 'NaN')
                ELSE (SELECT value FROM core.observations l
                      WHERE l.experiment_id = experiment AND l.number = trial AND l.metric = m.metric
                      ORDER BY step DESC LIMIT 1) END AS v
    FROM metrics m LEFT JOIN reported r USING (metric)
    LEFT JOIN core.objectives o ON o.experiment_id = experiment AND o.metric = m.metric
    LEFT JOIN core.constraints c ON c.experiment_id = experiment AND c.metric = m.metric)
  SELECT CASE WHEN bool_or(v IS NOT NULL) FILTER (WHERE NOT additional)
              THEN array_agg(v ORDER BY ordinal) FILTER (WHERE NOT additional) END,
         jsonb_object_agg(metric, v) FILTER (WHERE additional AND v IS NOT NULL),
         CASE WHEN core.feasible(array_agg(core.violation(v, lo, hi)) FILTER (WHERE bound IS NOT NULL)) IS NOT FALSE THEN
           min(CASE WHEN direction = 'minimize' THEN v ELSE -v END)
             FILTER (WHERE ordinal = 0 AND v NOT IN ('NaN', 'Infinity', '-Infinity')) END,
         array_agg(core.violation(v, lo, hi) ORDER BY bound) FILTER (WHERE bound IS NOT NULL),
         array_agg(metric ORDER BY metric) FILTER (WHERE v IS NOT NULL),
         array_agg(metric ORDER BY additional, ordinal) FILTER (WHERE v IS NULL AND (NOT additional OR bound IS NOT NULL)),
         min(metric || ' is ' || v) FILTER (WHERE NOT additional AND v IN ('NaN', 'Infinity', '-Infinity'))
  FROM valued $$;

-- What an experiment can teach another one: its succeeded trials with the other's objectives and constraints,
-- found by the metrics' names, the best hundred and others by chance. Trials that lack the first objective
-- teach nothing.
CREATE FUNCTION core.results_for(experiment bigint, metrics text[], directions text[], additional boolean[], bounded text[],
                                 mins double precision[], maxs double precision[], most int)
RETURNS TABLE (completion int, params jsonb, vals double precision[], violations double precision[])
LANGUAGE sql STABLE AS $$
  WITH own AS (
    SELECT array_agg(metric ORDER BY ordinal) AS names FROM core.objectives WHERE experiment_id = experiment AND NOT core.objectives.additional),
  measured AS (
    SELECT t.number, t.completion, t.params,
           coalesce(t.extra, '{}') || coalesce((SELECT jsonb_object_agg(u.name, u.v) FROM own, unnest(own.names, t.vals) AS u (name, v)
                                                WHERE u.v IS NOT NULL), '{}') AS by_name
    FROM core.trials t WHERE t.experiment_id = experiment AND t.state = 'succeeded'),
  valued AS (
    SELECT m.number, m.completion, m.params,
           (SELECT array_agg((m.by_name ->> u.metric)::double precision ORDER BY u.i)
            FROM unnest(metrics, results_for.additional) WITH ORDINALITY AS u (metric, watched, i) WHERE NOT u.watched) AS vals,
           (SELECT array_agg(core.violation((m.by_name ->> u.metric)::double precision, nullif(u.lo, 'NaN'), nullif(u.hi, 'NaN')) ORDER BY u.i)
            FROM unnest(bounded, mins, maxs) WITH ORDINALITY AS u (metric, lo, hi, i)) AS violations
    FROM measured m),
  ranked AS (
    SELECT *, row_number() OVER (ORDER BY CASE WHEN directions[1] = 'minimize' THEN v.vals[1] ELSE -v.vals[1] END, number) AS place
    FROM valued v WHERE v.vals[1] NOT IN ('NaN', 'Infinity', '-Infinity'))
  SELECT r.completion, r.params, r.vals, r.violations FROM ranked r
  ORDER BY least(r.place, 101), CASE WHEN r.place > 100 THEN md5(r.number::text) END, r.number LIMIT most $$;

-- As before; that trials succeed without being ranked does not make the kept ranking wrong.
CREATE OR REPLACE FUNCTION core.ranks(experiment bigint, costs double precision[])
RETURNS TABLE (cost double precision, rank int, stale boolean) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  kept core.rankings; now_succeeded int; succeeded_since int; fences double precision[]; below int[];
  since double precision[];                          -- negative costs in order, so that width_bucket() counts from the top
BEGIN
  SELECT succeeded INTO now_succeeded FROM core.progress WHERE experiment_id = experiment;
  SELECT * INTO kept FROM core.rankings WHERE experiment_id = experiment;
  fences := kept.fences;
  below := kept.below;
  SELECT coalesce(array_agg(-t.cost ORDER BY -t.cost) FILTER (WHERE t.cost IS NOT NULL), '{}'), count(*)
  INTO since, succeeded_since FROM core.trials t
  WHERE t.experiment_id = experiment AND t.change > kept.change AND t.completion > kept.completions AND t.state = 'succeeded';
  IF kept.succeeded + succeeded_since = now_succeeded THEN
    RETURN QUERY
      SELECT c.cost, (1 + g.n + CASE WHEN f.i > 0 THEN below[f.i] + cardinality(since) - width_bucket(-fences[f.i], since)
                                ELSE 0 END)::int, cardinality(since) > 2000
      FROM (SELECT DISTINCT u.cost FROM unnest(costs) AS u (cost) WHERE u.cost IS NOT NULL) c,
           LATERAL (SELECT width_bucket(c.cost, fences) AS i OFFSET 0) f,
           LATERAL (SELECT count(*) AS n FROM core.trials t WHERE t.experiment_id = experiment AND t.cost < c.cost
                      AND t.cost >= CASE WHEN f.i > 0 THEN fences[f.i] ELSE '-Infinity' END) g;
  ELSE
    RETURN QUERY
      SELECT c.cost, (1 + sum(g.n) OVER (ORDER BY c.cost))::int, now_succeeded > 5000
      FROM (SELECT d.cost, lag(d.cost, 1, '-Infinity') OVER (ORDER BY d.cost) AS previous
            FROM (SELECT DISTINCT u.cost FROM unnest(costs) AS u (cost) WHERE u.cost IS NOT NULL) d) c,
           LATERAL (SELECT count(*) AS n FROM core.trials t
                    WHERE t.experiment_id = experiment AND t.cost < c.cost AND t.cost >= c.previous) g;
  END IF;
END $$;
