-- Points of experiments whose trials are stopped for what they report, and what was decided about them.
--
-- Each point says under which epoch its experiment's driver has judged it: 0 = it is not to be judged, -1 =
-- nobody has. One that nobody has, or that somebody judged who no longer drives the experiment, is noted in
-- core.unjudged. Otherwise as observations_append.

-- name: observations_mark
-- in: experiments bigint[], numbers int[], metrics text[], steps bigint[], vals double[], times timestamptz[],
--   epochs bigint[], of_experiments bigint[], of_numbers int[]
-- out: @ack
WITH k AS MATERIALIZED (@reporting($8, $9)),
r AS MATERIALIZED (
  SELECT r.experiment_id, r.number, r.metric, r.value, r.time, r.epoch, r.i, @next_step()
  FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
       AS r (experiment_id, number, metric, step, value, time, epoch, i)
  WHERE (experiment_id, number) NOT IN (SELECT experiment_id, number FROM k WHERE state IS NULL)),
i AS (
  INSERT INTO core.observations AS o (experiment_id, number, metric, step, value, time)
  SELECT experiment_id, number, metric, step, value, time FROM r
  @last_wins()),
m AS (@noted())
SELECT @ack(k) FROM k WHERE state IS NOT NULL;

-- The same with verdicts, which hold if they were reached under the epoch of now. The rows of core.progress
-- are locked in order, before a point is written: as everywhere, whoever changes a trial locks them first.
-- name: observations_judge
-- in: experiments bigint[], numbers int[], metrics text[], steps bigint[], vals double[], times timestamptz[],
--   epochs bigint[], of_experiments bigint[], of_numbers int[], stop_experiments bigint[], stop_epochs bigint[],
--   stop_numbers int[], reasons text[], messages text[]
-- out: @ack
WITH s AS MATERIALIZED (
  SELECT * FROM unnest($10, $11, $12, $13, $14) AS s (experiment_id, epoch, number, reason, message)),
l AS MATERIALIZED (
  SELECT experiment_id, epoch FROM core.progress WHERE experiment_id = ANY ($10) ORDER BY experiment_id FOR UPDATE),
k AS MATERIALIZED (@reporting($8, $9)),
r AS MATERIALIZED (
  SELECT r.experiment_id, r.number, r.metric, r.value, r.time, r.epoch, r.i, @next_step()
  FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
       AS r (experiment_id, number, metric, step, value, time, epoch, i)
  WHERE (SELECT count(*) FROM l) >= 0
    AND (experiment_id, number) NOT IN (SELECT experiment_id, number FROM k WHERE state IS NULL)),
i AS (
  INSERT INTO core.observations AS o (experiment_id, number, metric, step, value, time)
  SELECT experiment_id, number, metric, step, value, time FROM r
  @last_wins()),
m AS (@noted()),
p AS (
  UPDATE core.progress g SET change = g.change + 1 FROM l
  WHERE g.experiment_id = l.experiment_id
    AND EXISTS (SELECT FROM s WHERE s.experiment_id = l.experiment_id AND s.epoch = l.epoch)
  RETURNING g.experiment_id, g.epoch, g.change),
t AS (
  UPDATE core.trials t SET stop = s.reason, message = s.message, change = p.change
  FROM p JOIN s USING (experiment_id, epoch)
  WHERE t.experiment_id = s.experiment_id AND t.number = s.number AND t.stop IS NULL AND NOT core.trial_over(t.state)
  RETURNING t.experiment_id, t.number, t.stop, t.message),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Normal', stop, message FROM t ORDER BY experiment_id, number),
a AS (
  SELECT k.experiment_id, k.number, k.state, coalesce(t.stop, k.stop) AS stop, coalesce(t.message, k.message) AS message,
         k.attempt, k.pushed, k.due
  FROM k LEFT JOIN t USING (experiment_id, number) WHERE k.state IS NOT NULL)
SELECT @ack(a) FROM a;

-- Which of these have unjudged points.
-- name: unjudged_look repeatable
-- in: experiments bigint[]
-- out: experiment bigint
SELECT e.experiment_id AS experiment FROM unnest($1) AS e (experiment_id)
WHERE EXISTS (SELECT FROM core.unjudged u WHERE u.experiment_id = e.experiment_id);

-- name: unjudged_load repeatable
-- in: experiment bigint, metric text, max_rows int
-- out: seq bigint, number int, step bigint, value double
SELECT u.seq, u.number, u.step, o.value
FROM core.unjudged u LEFT JOIN core.observations o
  ON o.experiment_id = u.experiment_id AND o.number = u.number AND o.metric = $2 AND o.step = u.step
WHERE u.experiment_id = $1 ORDER BY u.seq LIMIT $3;

-- `judged`: the unjudged points that this is about; they go with it.
-- name: trials_stop
-- in: experiment bigint, epoch bigint, numbers int[], reasons text[], messages text[], judged bigint[]
-- out: @about, fenced bool, @trial
WITH s AS MATERIALIZED (
  SELECT $1::bigint AS experiment_id, u.* FROM unnest($3, $4, $5) AS u (number, reason, message)),
p AS (
  UPDATE core.progress SET change = change + 1 WHERE experiment_id = $1 AND epoch = $2 RETURNING change, next_number),
d AS (
  DELETE FROM core.unjudged WHERE experiment_id = $1 AND seq = ANY ($6) AND EXISTS (SELECT FROM p)),
t AS (
  UPDATE core.trials t SET stop = s.reason, message = s.message, change = p.change
  FROM p, s WHERE t.experiment_id = s.experiment_id AND t.number = s.number AND t.stop IS NULL AND NOT core.trial_over(t.state)
  RETURNING t.*),
v AS (
  INSERT INTO core.events (experiment_id, number, type, reason, message)
  SELECT experiment_id, number, 'Normal', stop, message FROM t)
SELECT g.experiment_id AS in_experiment, coalesce(p.change, g.change) AS in_change,
       coalesce(p.next_number, g.next_number) AS in_next_number, p.change IS NULL AS fenced, @trial(t)
FROM core.progress g LEFT JOIN p ON true LEFT JOIN t ON true WHERE g.experiment_id = $1
ORDER BY t.number;
