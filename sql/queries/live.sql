-- What is told to those who listen live, read alike by every replica (server/control/live.c).

-- These experiments; and of the namespaces, or of all, those under way and those of the last minute (`fresh`),
-- which may be over already.
-- name: live_experiments repeatable
-- in: experiments bigint[], namespaces text[], everywhere bool
-- out: id bigint, ns text, name text, state text, reason text, version bigint, fresh bool, change bigint, pending int,
--   starting int, running int, succeeded int, failed int, early_stopped int, killed int, metrics_unavailable int,
--   lost int, best_number int, last_event bigint
SELECT e.experiment_id AS id, e.namespace AS ns, e.name, e.state, e.reason, e.version,
       e.created_at > now() - interval '1 minute' AS fresh, p.change, p.pending, p.starting, p.running, p.succeeded,
       p.failed, p.early_stopped, p.killed, p.metrics_unavailable, p.lost,
       (SELECT number FROM core.best(e.experiment_id)) AS best_number,
       (SELECT max(v.event_id) FROM core.events v WHERE v.experiment_id = e.experiment_id) AS last_event
FROM (SELECT unnest($1) AS experiment_id
      UNION
      SELECT experiment_id FROM core.experiments
      WHERE ($3 OR namespace = ANY ($2)) AND state IN ('running', 'paused', 'stopping')
      UNION
      SELECT experiment_id FROM core.experiments
      WHERE ($3 OR namespace = ANY ($2)) AND archived_at IS NULL AND created_at > now() - interval '1 minute') i
JOIN core.experiments e USING (experiment_id) JOIN core.progress p USING (experiment_id)
ORDER BY e.experiment_id;

-- Of each trial that runs, and of these, the newest points of each metric behind the step that is known:
-- {"17": {"loss": 4}}. Metrics are found by skipping from one to the next in the index.
-- name: live_points repeatable
-- in: experiment bigint, numbers int[], known jsonb, max_points int
-- out: in_experiment bigint, number int, metric text, step bigint, time timestamptz, value double
WITH RECURSIVE m AS (
  SELECT t.number, (SELECT min(o.metric) FROM core.observations o
                    WHERE o.experiment_id = $1 AND o.number = t.number) AS metric
  FROM core.trials t WHERE t.experiment_id = $1 AND (t.state = 'running' OR t.number = ANY ($2))
  UNION ALL
  SELECT m.number, (SELECT min(o.metric) FROM core.observations o
                    WHERE o.experiment_id = $1 AND o.number = m.number AND o.metric > m.metric)
  FROM m WHERE m.metric IS NOT NULL)
SELECT $1 AS in_experiment, m.number, m.metric, p.step, p.time, p.value
FROM m, LATERAL (
  SELECT o.step, o.time, o.value FROM core.observations o
  WHERE o.experiment_id = $1 AND o.number = m.number AND o.metric = m.metric
    AND o.step > coalesce(($3 -> m.number::text ->> m.metric)::bigint, -9223372036854775808)
  ORDER BY o.step DESC LIMIT $4) p
WHERE m.metric IS NOT NULL
ORDER BY m.number, m.metric, p.step;
