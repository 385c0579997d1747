-- Parts of the statements that store points.

-- The trials that points are of, and what their senders are told. The two arrays name them.
-- part: reporting
SELECT u.experiment_id, u.number, t.state, t.stop, CASE WHEN t.stop IS NOT NULL THEN t.message END AS message,
         t.attempt, t.pushed, t.state = 'running' AND t.worker IS NOT NULL
           AND t.lease_until < now() + t.lease_seconds * interval '0.5 second' AS due
  FROM unnest(@1, @2) AS u (experiment_id, number)
  LEFT JOIN core.trials t USING (experiment_id, number)

-- Of points r, numbered i: a step that is missing is the next one of its trial and metric, in the order sent.
-- part: next_step
coalesce(r.step,
    greatest(max(r.step) OVER (PARTITION BY r.experiment_id, r.number, r.metric), (
      SELECT max(o.step) FROM core.observations o
      WHERE o.experiment_id = r.experiment_id AND o.number = r.number AND o.metric = r.metric), -1) +
    row_number() OVER (PARTITION BY r.experiment_id, r.number, r.metric, r.step IS NULL ORDER BY r.i)) AS step

-- part: last_wins
ON CONFLICT (experiment_id, number, metric, step) DO UPDATE SET value = EXCLUDED.value, time = EXCLUDED.time

-- Of points r with steps: those that nobody has judged under the epoch of now, where somebody is to.
-- part: noted
INSERT INTO core.unjudged (experiment_id, number, step)
  SELECT r.experiment_id, r.number, r.step
  FROM r JOIN core.progress g USING (experiment_id) JOIN core.experiments e USING (experiment_id)
  WHERE r.epoch <> 0 AND g.epoch <> r.epoch AND e.state IN ('running', 'paused', 'stopping') ORDER BY r.i
