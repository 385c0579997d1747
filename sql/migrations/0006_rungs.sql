-- The functions of this file read the tables with the rights of their owner: views of schema trimtab call them
-- for people who may read only those views. They join all trials of an experiment with each other, where the
-- server's own statements want a few rows by their keys and its connections therefore join by nested loops only.

-- How far the trials of an experiment came, in the unit of its resource: steps of the first objective's
-- reports, counted from 1, or what a parameter says. A line is a configuration: one trial, or its rungs, each
-- a trial that goes on from the one before.
--
-- `done` is what the trial itself trained. One that was promoted counts from its start, unless its reports
-- show that it went on where the one before had ended: so nothing is taken for saved that was not.
CREATE FUNCTION core.lengths(experiment bigint)
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
    SELECT t.*, l.line, t.first + l.from_0::int AS begun, t.last + l.from_0::int AS came FROM t JOIN l USING (number)),
  m AS (
    SELECT r.*, coalesce(r.begun > p.came, false) AS continued,
           CASE WHEN r.by_parameter AND r.granted IS NOT NULL THEN p.granted ELSE p.came END AS before,
           CASE WHEN r.by_parameter AND r.granted IS NOT NULL THEN CASE WHEN r.state = 'succeeded' THEN r.granted END
                ELSE coalesce(r.came, CASE WHEN r.state = 'succeeded' THEN r.granted END) END AS reached
    FROM r LEFT JOIN r p ON p.number = r.parent)
  SELECT number, line, parent, bracket, rung, state, reason, granted, reached,
         reached - CASE WHEN continued THEN before ELSE 0 END, spent,
         CASE WHEN last > first THEN span / (last - first) * CASE WHEN by_parameter AND granted > 0 THEN came / granted ELSE 1 END END,
         cost, value, (came - last)::int
  FROM m $$;

-- What stopping saved so far, against every configuration run to its full length. Only configurations count of
-- which no trial is under way and which did something. Time is estimated by what a step of the same
-- configuration took (that of the others, where it reported once), without what its start took. Less than
-- nothing is saved where promoted trials start over and do in the end more than a full one, and nothing where a
-- program ends before its full length by itself.
CREATE FUNCTION core.saved(experiment bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_hashjoin = on AS $$
  WITH r AS MATERIALIZED (SELECT * FROM core.lengths(experiment)),
  f AS (
    SELECT coalesce((SELECT (spec #>> '{fidelity,max}')::double precision FROM core.experiments WHERE experiment_id = experiment),
                    (SELECT max(reached) FROM r WHERE state = 'succeeded')) AS whole),
  l AS (
    SELECT line, sum(done) FILTER (WHERE state IN ('succeeded', 'early_stopped')) AS done, sum(spent) AS spent, avg(pace) AS pace,
           bool_or(state = 'early_stopped') OR coalesce(max(granted) < f.whole, false) AS stopped
    FROM r, f GROUP BY line, f.whole HAVING bool_and(core.trial_over(state))),
  s AS (
    SELECT l.*, CASE WHEN l.stopped THEN f.whole - l.done ELSE least(f.whole - l.done, 0) END AS left_out,
           coalesce(l.pace, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pace) FROM l)) AS a_step
    FROM l, f WHERE l.done IS NOT NULL AND f.whole > 0)
  SELECT CASE WHEN count(*) > 0 THEN json_build_object(
           'configurations', count(*), 'stopped', count(*) FILTER (WHERE stopped), 'steps', sum(left_out),
           'fraction', round((sum(left_out) / nullif(sum(left_out) + sum(done), 0))::numeric, 4),
           'seconds', round(sum(left_out * a_step)::numeric, 3),
           'timeFraction', round((sum(left_out * a_step) / nullif(sum(left_out * a_step) + sum(spent), 0))::numeric, 4)) END
  FROM s $$;

-- The rungs: where an algorithm grants lengths, one row for each that it granted; where it stops trials, one for
-- each resource at which they are compared, and the full one. `trials` came as far; of them some were promoted,
-- stopped there, failed before they came further, or are under way to the next.
CREATE FUNCTION core.rungs(experiment bigint)
RETURNS TABLE (bracket int, rung int, resource double precision, trials bigint, running bigint, promoted bigint, stopped bigint,
               failed bigint, best_trial int, best_value double precision)
LANGUAGE sql STABLE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog SET enable_hashjoin = on AS $$
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
