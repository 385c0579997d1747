-- How far each trial came that is over, of the experiments that stop trials or grant them lengths: written down
-- when it ends, so that who looks at 10,000 of them need not search all their points again. A line is a
-- configuration: one trial, or its rungs, each a trial that goes on from the one before.
CREATE TABLE core.courses (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  number         int NOT NULL,
  line           int NOT NULL,                       -- the first trial of its configuration
  parent         int,                                -- the trial that it continues
  bracket        int NOT NULL,
  rung           int NOT NULL,
  state          text NOT NULL COLLATE "C",
  reason         text NOT NULL,
  granted        double precision,                   -- in the unit of the resource, as the next ones; null = all
  reached        double precision,
  done           double precision,                   -- what it trained itself
  spent          double precision,                   -- seconds
  pace           double precision,                   -- seconds a step; null = it reported once at most
  cost           double precision,
  value          double precision,
  came           bigint,                             -- the last step of its reports, counted from 1
  from_0         int NOT NULL,                       -- 1 = its configuration counts steps from 0
  at             double precision[],                 -- its value at each resource at which trials are compared
  PRIMARY KEY (experiment_id, number)
);

CREATE FUNCTION core.has_courses(spec json) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT spec -> 'fidelity' IS NOT NULL OR spec -> 'earlyStopping' IS NOT NULL $$;

-- The resources at which trials are compared, the full one at the end; null = an algorithm grants lengths, or
-- there are none.
CREATE FUNCTION core.rung_levels(spec json) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_agg(u.value::text::double precision ORDER BY u.i) || (spec #>> '{fidelity,max}')::double precision
  FROM json_array_elements(spec #> '{fidelity,rungs}') WITH ORDINALITY AS u (value, i)
  HAVING spec #> '{fidelity,rungs}' IS NOT NULL $$;

-- The courses of these trials, by their points and the courses of the trials before them, which are over.
-- `done` counts from the start, unless the reports show that the trial went on where the one before had ended:
-- so nothing is taken for saved that was not.
CREATE FUNCTION core.measured(experiment bigint, numbers int[]) RETURNS SETOF core.courses
LANGUAGE sql STABLE ROWS 100 AS $$
  WITH x AS MATERIALIZED (
    SELECT o.metric, e.spec #>> '{fidelity,parameter}' IS NOT NULL AND e.spec #> '{fidelity,rungs}' IS NULL AS by_parameter,
           core.rung_levels(e.spec) AS levels
    FROM core.experiments e JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
    WHERE e.experiment_id = experiment),
  t AS (
    SELECT t.number, CASE WHEN t.budget ? 'resource' THEN (t.budget ->> 'parent')::int END AS parent,
           coalesce((t.budget ->> 'bracket')::int, 0) AS bracket, coalesce((t.budget ->> 'rung')::int, 0) AS rung,
           t.state, t.reason, (t.budget ->> 'resource')::double precision AS granted, t.cost, t.vals[1] AS value,
           extract(epoch FROM coalesce(t.finished_at, now()) - t.started_at)::double precision AS spent,
           a.step AS first, b.step AS last, extract(epoch FROM b.time - a.time)::double precision AS span
    FROM unnest(numbers) AS u (number) CROSS JOIN x JOIN core.trials t ON t.experiment_id = experiment AND t.number = u.number
    LEFT JOIN LATERAL (
      SELECT o.step, o.time FROM core.observations o
      WHERE o.experiment_id = experiment AND o.number = t.number AND o.metric = x.metric ORDER BY o.step LIMIT 1) a ON true
    LEFT JOIN LATERAL (
      SELECT o.step, o.time FROM core.observations o
      WHERE o.experiment_id = experiment AND o.number = t.number AND o.metric = x.metric ORDER BY o.step DESC LIMIT 1) b ON true),
  l AS (
    SELECT t.*, coalesce(p.line, t.number) AS line, p.came AS parent_came, p.granted AS parent_granted,
           greatest(p.from_0, (t.first <= 0)::int, 0) AS from_0
    FROM t LEFT JOIN core.courses p ON p.experiment_id = experiment AND p.number = t.parent),
  m AS (
    SELECT l.*, x.by_parameter AND l.granted IS NOT NULL AS by_grant, l.last + l.from_0 AS came,
           coalesce(l.first + l.from_0 > l.parent_came, false) AS continued, x.by_parameter, x.metric, x.levels
    FROM l CROSS JOIN x),
  r AS (
    SELECT m.*, CASE WHEN m.by_grant THEN CASE WHEN m.state = 'succeeded' THEN m.granted END
                     ELSE coalesce(m.came, CASE WHEN m.state = 'succeeded' THEN m.granted END) END AS reached
    FROM m)
  SELECT experiment, number, line, parent, bracket, rung, state, reason, granted, reached,
         reached - CASE WHEN continued THEN CASE WHEN by_grant THEN parent_granted ELSE parent_came END ELSE 0 END, spent,
         CASE WHEN last > first THEN span / (last - first) * CASE WHEN by_parameter AND granted > 0 THEN came / granted ELSE 1 END END,
         cost, value, came, from_0,
         CASE WHEN levels IS NOT NULL THEN ARRAY(
           SELECT (SELECT o.value FROM core.observations o
                   WHERE o.experiment_id = experiment AND o.number = r.number AND o.metric = r.metric
                     AND o.step <= floor(v.at)::bigint - r.from_0 ORDER BY o.step DESC LIMIT 1)
           FROM unnest(r.levels) AS v (at) WHERE v.at <= r.reached) END
  FROM r $$;

-- Whoever ends trials, corrects them or makes them run again.
CREATE FUNCTION core.keep_courses() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  x record;
BEGIN
  FOR x IN
    SELECT n.experiment_id, array_agg(n.number) AS changed, array_agg(n.number) FILTER (WHERE core.trial_over(n.state)) AS over
    FROM now_rows n GROUP BY n.experiment_id
  LOOP
    IF x.over IS NULL AND TG_OP = 'INSERT' THEN
      CONTINUE;
    END IF;
    DELETE FROM core.courses WHERE experiment_id = x.experiment_id AND number = ANY (x.changed);
    IF x.over IS NOT NULL AND (SELECT core.has_courses(spec) FROM core.experiments WHERE experiment_id = x.experiment_id) THEN
      INSERT INTO core.courses SELECT * FROM core.measured(x.experiment_id, x.over);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER courses_added AFTER INSERT ON core.trials
  REFERENCING NEW TABLE AS now_rows FOR EACH STATEMENT EXECUTE FUNCTION core.keep_courses();
CREATE TRIGGER courses_moved AFTER UPDATE ON core.trials
  REFERENCING NEW TABLE AS now_rows FOR EACH STATEMENT EXECUTE FUNCTION core.keep_courses();

-- Those of all trials: as they were kept, and as it is now. Without rights of its own, so that it becomes a part
-- of the query around it.
CREATE FUNCTION core.all_courses(experiment bigint) RETURNS SETOF core.courses
LANGUAGE sql STABLE ROWS 1000 AS $$
  SELECT * FROM core.courses WHERE experiment_id = experiment
  UNION ALL
  SELECT m.* FROM core.measured(experiment, CASE
    WHEN (SELECT core.has_courses(spec) FROM core.experiments WHERE experiment_id = experiment)
    THEN ARRAY(SELECT number FROM core.trials WHERE experiment_id = experiment AND state IN ('pending', 'starting', 'running'))
    ELSE ARRAY(SELECT number FROM core.trials WHERE experiment_id = experiment) END) m $$;

CREATE OR REPLACE FUNCTION core.lengths(experiment bigint)
RETURNS TABLE (number int, line int, parent int, bracket int, rung int, state text, reason text, granted double precision,
               reached double precision, done double precision, spent double precision, pace double precision,
               cost double precision, value double precision, from_0 int)
LANGUAGE sql STABLE ROWS 100 SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT number, line, parent, bracket, rung, state, reason, granted, reached, done, spent, pace, cost, value, from_0
  FROM core.all_courses(experiment) $$;

-- The rungs: where an algorithm grants lengths, one row for each that it granted; where it stops trials, one for
-- each resource at which they are compared, and the full one. `trials` came as far; of them some were promoted,
-- stopped there, failed before they came further, or are under way to the next.
CREATE OR REPLACE FUNCTION core.rungs(experiment bigint)
RETURNS TABLE (bracket int, rung int, resource double precision, trials bigint, running bigint, promoted bigint, stopped bigint,
               failed bigint, best_trial int, best_value double precision)
LANGUAGE sql STABLE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog SET enable_hashjoin = on AS $$
  WITH x AS MATERIALIZED (
    SELECT core.rung_levels(e.spec) AS levels, CASE o.direction WHEN 'minimize' THEN 1 ELSE -1 END AS sign
    FROM core.experiments e JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
    WHERE e.experiment_id = experiment AND e.spec -> 'fidelity' IS NOT NULL),
  r AS MATERIALIZED (
    SELECT c.number, c.parent, c.bracket, c.rung, c.granted, c.value, c.at, cardinality(c.at) AS depth,
           CASE WHEN NOT core.trial_over(c.state) THEN 'runs' WHEN c.state = 'early_stopped' THEN 'stopped'
                WHEN c.state <> 'succeeded' THEN 'failed' END AS became
    FROM x, core.all_courses(experiment) c),
  -- Stopped at rungs: how deep they came, of each bracket, which begins at a level of its own.
  deep AS (
    SELECT bracket, depth, count(*) AS n, count(*) FILTER (WHERE became = 'runs') AS running,
           count(*) FILTER (WHERE became = 'stopped') AS stopped, count(*) FILTER (WHERE became = 'failed') AS failed
    FROM r WHERE depth IS NOT NULL GROUP BY bracket, depth),
  met AS (
    SELECT r.bracket, v.i - 1 - r.bracket AS rung, v.value, r.number
    FROM r, unnest(r.at) WITH ORDINALITY AS v (value, i) WHERE v.i > r.bracket
    UNION ALL
    SELECT r.bracket, r.rung, r.value, r.number FROM r WHERE r.depth IS NULL AND r.granted IS NOT NULL),
  rungs AS (
    SELECT b.bracket, v.i - 1 - b.bracket AS rung, v.at, sum(d.n) AS trials, sum(d.running) FILTER (WHERE d.depth = v.i) AS running,
           sum(CASE WHEN d.depth > v.i THEN d.n WHEN v.i < cardinality(x.levels) THEN d.running END) AS promoted,
           sum(d.stopped) FILTER (WHERE d.depth = v.i) AS stopped, sum(d.failed) FILTER (WHERE d.depth = v.i) AS failed
    FROM x CROSS JOIN (SELECT DISTINCT bracket FROM r) b CROSS JOIN LATERAL unnest(x.levels) WITH ORDINALITY AS v (at, i)
    LEFT JOIN deep d ON d.bracket = b.bracket AND d.depth >= v.i
    WHERE v.i > b.bracket GROUP BY b.bracket, v.i, v.at
    UNION ALL
    SELECT r.bracket, r.rung, max(r.granted), count(*), count(*) FILTER (WHERE r.became = 'runs'), count(c.parent),
           count(*) FILTER (WHERE r.became = 'stopped' AND c.parent IS NULL), count(*) FILTER (WHERE r.became = 'failed' AND c.parent IS NULL)
    FROM r LEFT JOIN (SELECT DISTINCT parent FROM r) c ON c.parent = r.number
    WHERE r.depth IS NULL AND r.granted IS NOT NULL GROUP BY r.bracket, r.rung),
  best AS (
    SELECT m.bracket, m.rung, min(x.sign * m.value) AS cost FROM met m, x
    WHERE m.value NOT IN ('NaN', 'Infinity', '-Infinity') GROUP BY m.bracket, m.rung),
  winners AS (
    SELECT m.bracket, m.rung, min(m.number) AS number, min(m.value) AS value
    FROM x CROSS JOIN best b JOIN met m ON m.bracket = b.bracket AND m.rung = b.rung AND m.value = x.sign * b.cost
    GROUP BY m.bracket, m.rung)
  SELECT g.bracket, g.rung::int, g.at, coalesce(g.trials, 0)::bigint, coalesce(g.running, 0)::bigint, coalesce(g.promoted, 0)::bigint,
         coalesce(g.stopped, 0)::bigint, coalesce(g.failed, 0)::bigint, w.number, w.value
  FROM rungs g LEFT JOIN winners w ON w.bracket = g.bracket AND w.rung = g.rung
  ORDER BY g.bracket, g.rung $$;

-- What has ended before: a trial after the one that it continues.
DO $$
DECLARE
  x record; added bigint;
BEGIN
  FOR x IN SELECT experiment_id FROM core.experiments WHERE core.has_courses(spec) LOOP
    LOOP
      INSERT INTO core.courses SELECT m.* FROM core.measured(x.experiment_id, ARRAY(
        SELECT t.number FROM core.trials t WHERE t.experiment_id = x.experiment_id AND core.trial_over(t.state)
          AND NOT EXISTS (SELECT FROM core.courses c WHERE c.experiment_id = t.experiment_id AND c.number = t.number)
          AND (NOT t.budget ? 'resource' OR t.budget ->> 'parent' IS NULL OR EXISTS (
                 SELECT FROM core.courses c WHERE c.experiment_id = t.experiment_id
                   AND c.number = (t.budget ->> 'parent')::int) OR t.budget IS NULL))) m;
      GET DIAGNOSTICS added = ROW_COUNT;
      EXIT WHEN added = 0;
    END LOOP;
  END LOOP;
END $$;
