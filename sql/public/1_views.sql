-- The stable surface for people: schema trimtab. Columns are only ever added, at the end. Views with a
-- window keep namespace, experiment (and trial) in its partition, so that a filter on them reaches the
-- tables: one trial's curve out of 200,000 points is 25 times faster for it.
CREATE SCHEMA IF NOT EXISTS trimtab;
COMMENT ON SCHEMA trimtab IS 'Experiments, trials and metrics to query. Stable; the tables behind it (schema core) may change.';

CREATE OR REPLACE VIEW trimtab.experiments AS
SELECT e.namespace, e.name AS experiment, e.uid, e.state, e.reason, e.message, e.algorithm,
       o.metric AS objective, o.direction, o.goal, e.labels,
       p.next_number - 1 AS trials, p.pending, p.starting + p.running AS running, p.succeeded, p.early_stopped, p.failed,
       p.killed, p.metrics_unavailable, p.lost,
       (e.spec #>> '{budget,maxTrials}')::int AS max_trials,
       b.number AS best_trial, b.vals[1] AS best_value, b.params AS best_params,
       e.created_by, e.created_at, e.started_at, e.finished_at,
       coalesce(e.finished_at, now()) - e.started_at AS wall_time, c.compute_time, e.spec
FROM core.experiments e
JOIN core.progress p USING (experiment_id)
LEFT JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
LEFT JOIN LATERAL (
  SELECT t.number, t.vals, t.params FROM core.trials t
  WHERE t.experiment_id = e.experiment_id AND t.cost IS NOT NULL ORDER BY t.cost, t.number LIMIT 1) b ON true
LEFT JOIN LATERAL (
  SELECT sum(coalesce(t.finished_at, now()) - t.started_at) AS compute_time FROM core.trials t
  WHERE t.experiment_id = e.experiment_id) c ON true
WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.experiments IS 'One row per experiment: state, counts of its trials, best result, time spent.';
COMMENT ON COLUMN trimtab.experiments.objective IS 'The metric that is searched and ranked by; the others are in trimtab.objectives.';
COMMENT ON COLUMN trimtab.experiments.trials IS 'Trials made so far, imported ones included.';
COMMENT ON COLUMN trimtab.experiments.wall_time IS 'From its start to its end, or to now.';
COMMENT ON COLUMN trimtab.experiments.compute_time IS 'Sum of the durations of its trials.';
COMMENT ON COLUMN trimtab.experiments.spec IS 'The document''s spec with every default filled in.';

CREATE OR REPLACE VIEW trimtab.objectives AS
SELECT e.namespace, e.name AS experiment, o.ordinal, o.metric, o.direction, o.goal, o.strategy, o.additional
FROM core.objectives o JOIN core.experiments e USING (experiment_id) WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.objectives IS 'One row per objective and watched metric of an experiment; ordinal 0 is ranked by.';
COMMENT ON COLUMN trimtab.objectives.strategy IS 'How a trial''s points become one value: min, max or latest.';
COMMENT ON COLUMN trimtab.objectives.additional IS 'Watched, but not searched for.';

CREATE OR REPLACE VIEW trimtab.constraints AS
SELECT e.namespace, e.name AS experiment, c.ordinal, c.metric, c.lo, c.hi
FROM core.constraints c JOIN core.experiments e USING (experiment_id) WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.constraints IS 'One row per constraint of an experiment: trials that leave the bounds are not ranked.';

CREATE OR REPLACE VIEW trimtab.parameters AS
SELECT e.namespace, e.name AS experiment, p.name AS param, p.ordinal, p.type, p.distribution, p.lo, p.hi, p.step, p.choices
FROM core.parameters p JOIN core.experiments e USING (experiment_id) WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.parameters IS 'One row per parameter of an experiment''s search space.';
COMMENT ON COLUMN trimtab.parameters.choices IS 'The values of a discrete or categorical parameter.';

CREATE OR REPLACE VIEW trimtab.trials AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, t.name AS trial_name, t.attempt, t.state,
       t.vals[1] AS value, t.vals AS "values", t.extra AS metrics, t.params,
       CASE WHEN t.cost IS NOT NULL THEN
         rank() OVER (PARTITION BY e.namespace, e.name, t.cost IS NULL ORDER BY t.cost) END AS rank,
       t.budget, t.source, t.worker, t.executor, t.reason, t.message, t.exit_code, t.completion,
       t.created_at, t.started_at, t.finished_at,
       coalesce(t.finished_at, now()) - t.started_at AS duration,
       extract(epoch FROM coalesce(t.finished_at, now()) - t.started_at) AS duration_s,
       core.feasible(t.violations) AS feasible, t.violations
FROM core.trials t JOIN core.experiments e USING (experiment_id) WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.trials IS 'One row per trial. value = first objective; rank 1 = the best succeeded trial of its experiment.';
COMMENT ON COLUMN trimtab.trials.params IS 'Assignments as typed JSON: {"lr": 0.01, "optimizer": "adam"}.';
COMMENT ON COLUMN trimtab.trials."values" IS 'One value per objective, in their order.';
COMMENT ON COLUMN trimtab.trials.metrics IS 'Every other metric, by its strategy; NaN and infinities as strings.';
COMMENT ON COLUMN trimtab.trials.rank IS 'Ties share a rank; null = not succeeded, or it breaks a constraint.';
COMMENT ON COLUMN trimtab.trials.feasible IS 'It keeps every constraint; null = there are none, or it has no values yet.';
COMMENT ON COLUMN trimtab.trials.violations IS 'By how much it breaks each constraint, in their order; 0 or less = it does not.';
COMMENT ON COLUMN trimtab.trials.budget IS 'What the search granted this trial, for example {"steps": 27}.';
COMMENT ON COLUMN trimtab.trials.completion IS 'Grows in the order in which trials ended.';

CREATE OR REPLACE VIEW trimtab.leaderboard AS
SELECT namespace, experiment, rank, trial, value, params, duration, finished_at FROM trimtab.trials WHERE rank IS NOT NULL;
COMMENT ON VIEW trimtab.leaderboard IS 'The ranked trials of each experiment: ORDER BY rank.';

CREATE OR REPLACE VIEW trimtab.trial_params AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, p.name AS param, p.type, p.distribution,
       t.params ->> p.name AS value_text,
       CASE WHEN jsonb_typeof(t.params -> p.name) = 'number' THEN (t.params ->> p.name)::double precision END AS value,
       p.lo, p.hi, t.state, t.vals[1] AS objective
FROM core.trials t JOIN core.experiments e USING (experiment_id) JOIN core.parameters p USING (experiment_id)
WHERE e.archived_at IS NULL AND t.params ? p.name;
COMMENT ON VIEW trimtab.trial_params IS 'One row per trial and parameter that it has, with the declared range.';
COMMENT ON COLUMN trimtab.trial_params.value IS 'The value if it is a number; value_text holds it in any case.';

CREATE OR REPLACE VIEW trimtab.metrics AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, o.metric, o.step, o.value, o.time,
       o.time - t.started_at AS elapsed, t.state
FROM core.observations o JOIN core.trials t USING (experiment_id, number) JOIN core.experiments e USING (experiment_id)
WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.metrics IS 'One row per reported point.';
COMMENT ON COLUMN trimtab.metrics.elapsed IS 'Since the trial''s start.';

CREATE OR REPLACE VIEW trimtab.metric_summary AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, s.metric, s.n, s.min, s.max, s.latest, s.last_step, s.non_finite
FROM core.trials t JOIN core.experiments e USING (experiment_id)
JOIN LATERAL (
  SELECT o.metric, count(*) AS n, min(o.value) FILTER (WHERE o.value <> 'NaN') AS min,
         max(o.value) FILTER (WHERE o.value <> 'NaN') AS max,
         (array_agg(o.value ORDER BY o.step DESC))[1] AS latest, max(o.step) AS last_step,
         count(*) FILTER (WHERE o.value IN ('NaN', 'Infinity', '-Infinity')) AS non_finite
  FROM core.observations o WHERE o.experiment_id = t.experiment_id AND o.number = t.number GROUP BY o.metric) s ON true
WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.metric_summary IS 'One row per trial and metric: count, min, max, latest, and how many points are not finite.';

CREATE OR REPLACE VIEW trimtab.learning_curves AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, t.state, b.step, b.value, b.time,
       CASE WHEN o.direction = 'minimize' THEN min(b.value) OVER w ELSE max(b.value) OVER w END AS best_in_trial
FROM core.observations b JOIN core.trials t USING (experiment_id, number) JOIN core.experiments e USING (experiment_id)
JOIN core.objectives o ON o.experiment_id = b.experiment_id AND o.ordinal = 0 AND o.metric = b.metric
WHERE e.archived_at IS NULL
WINDOW w AS (PARTITION BY e.namespace, e.name, t.number ORDER BY b.step);
COMMENT ON VIEW trimtab.learning_curves IS 'One row per point of the first objective, with the trial''s best so far.';

CREATE OR REPLACE VIEW trimtab.best_so_far AS
SELECT namespace, experiment, trial, finished_at, value,
       CASE WHEN direction = 'minimize' THEN min(value) OVER w ELSE max(value) OVER w END AS best,
       row_number() OVER w AS n_finished, extract(epoch FROM finished_at - started_at) AS elapsed_s
FROM (SELECT e.namespace, e.name AS experiment, e.started_at, o.direction, t.number AS trial, t.finished_at,
             t.completion, t.vals[1] AS value
      FROM core.trials t JOIN core.experiments e USING (experiment_id)
      JOIN core.objectives o ON o.experiment_id = e.experiment_id AND o.ordinal = 0
      WHERE e.archived_at IS NULL AND t.cost IS NOT NULL) x
WINDOW w AS (PARTITION BY namespace, experiment ORDER BY completion);
COMMENT ON VIEW trimtab.best_so_far IS 'One row per succeeded trial, in the order of completion, with the best value until then.';
COMMENT ON COLUMN trimtab.best_so_far.elapsed_s IS 'Seconds from the experiment''s start to this trial''s end.';

CREATE OR REPLACE VIEW trimtab.pareto_front AS
WITH s AS MATERIALIZED (
  SELECT t.experiment_id, t.number, t.vals, t.params,
         (SELECT array_agg(CASE WHEN o.direction = 'minimize' THEN t.vals[o.ordinal + 1] ELSE -t.vals[o.ordinal + 1] END
                           ORDER BY o.ordinal)
          FROM core.objectives o WHERE o.experiment_id = t.experiment_id AND NOT o.additional) AS costs
  FROM core.trials t WHERE t.cost IS NOT NULL AND array_position(t.vals, NULL) IS NULL),
d AS (
  SELECT *, min(costs[2]) OVER (PARTITION BY experiment_id ORDER BY costs[1], costs[2]) AS lowest,
         min(costs[1]) OVER (PARTITION BY experiment_id) AS best FROM s),
f AS MATERIALIZED (
  SELECT * FROM d WHERE cardinality(costs) > 2 OR cardinality(costs) = 2 AND costs[2] <= lowest
                     OR cardinality(costs) = 1 AND costs[1] = best)
SELECT e.namespace, e.name AS experiment, a.number AS trial, a.vals AS "values", a.params
FROM f a JOIN core.experiments e USING (experiment_id)
WHERE e.archived_at IS NULL AND NOT EXISTS (
  SELECT FROM f b WHERE b.experiment_id = a.experiment_id AND b.number <> a.number
    AND (SELECT bool_and(p <= q) AND bool_or(p < q) FROM unnest(b.costs, a.costs) AS u (p, q)));
COMMENT ON VIEW trimtab.pareto_front IS 'Trials that no other beats in every objective, of those that keep the constraints; with one objective, the best.';

CREATE OR REPLACE VIEW trimtab.param_effects AS
WITH r AS (
  SELECT *, percent_rank() OVER (PARTITION BY namespace, experiment, param ORDER BY value) AS rp,
         percent_rank() OVER (PARTITION BY namespace, experiment, param ORDER BY objective) AS ro,
         CASE WHEN value IS NULL THEN value_text
              ELSE ntile(4) OVER (PARTITION BY namespace, experiment, param ORDER BY value)::text END AS bin,
         avg(objective) OVER (PARTITION BY namespace, experiment, param) AS grand
  FROM trimtab.trial_params
  WHERE state = 'succeeded' AND objective NOT IN ('NaN', 'Infinity', '-Infinity')),
b AS (
  SELECT namespace, experiment, param, count(*) * (avg(objective) - max(grand)) ^ 2 AS between_bins,
         sum((objective - grand) ^ 2) AS in_all
  FROM r GROUP BY namespace, experiment, param, bin),
s AS (
  SELECT namespace, experiment, param, sum(between_bins) AS between_bins, sum(in_all) AS in_all
  FROM b GROUP BY namespace, experiment, param),
c AS (
  SELECT namespace, experiment, param, max(type) AS type, count(*) AS n,
         CASE WHEN bool_and(value IS NOT NULL) THEN corr(rp, ro) END AS rho
  FROM r GROUP BY namespace, experiment, param)
SELECT namespace, experiment, param, c.type, c.n, round(c.rho::numeric, 3) AS spearman,
       round((s.between_bins / nullif(s.in_all, 0))::numeric, 3) AS eta2
FROM s JOIN c USING (namespace, experiment, param);
COMMENT ON VIEW trimtab.param_effects IS 'How much each parameter explains the first objective among succeeded trials. Not causal, needs 20 trials or more, and is biased where an adaptive search stopped varying a parameter: look at random or startup trials.';
COMMENT ON COLUMN trimtab.param_effects.spearman IS 'Rank correlation, numeric parameters only.';
COMMENT ON COLUMN trimtab.param_effects.eta2 IS 'Share of the variance between quartiles or categories.';

CREATE OR REPLACE VIEW trimtab.failures AS
SELECT namespace, experiment, state, reason, exit_code, count(*) AS trials, max(finished_at) AS last_seen,
       min(trial) AS first_trial, (array_agg(trial ORDER BY trial DESC))[1:3] AS recent
FROM trimtab.trials WHERE state IN ('failed', 'killed', 'metrics_unavailable', 'lost')
GROUP BY namespace, experiment, state, reason, exit_code;
COMMENT ON VIEW trimtab.failures IS 'One row per reason why trials of an experiment did not succeed, with examples.';

CREATE OR REPLACE VIEW trimtab.rungs AS
SELECT e.namespace, e.name AS experiment, r.bracket, r.rung, r.resource, r.trials, r.running, r.promoted, r.stopped, r.failed,
       r.best_trial, r.best_value
FROM core.experiments e, LATERAL core.rungs(e.experiment_id) r
WHERE e.archived_at IS NULL AND e.spec -> 'fidelity' IS NOT NULL;
COMMENT ON VIEW trimtab.rungs IS 'One row per bracket and rung of an experiment whose trials get different lengths: how many came so far, and what became of them.';
COMMENT ON COLUMN trimtab.rungs.bracket IS 'Which of the algorithm''s schedules: they begin at different rungs.';
COMMENT ON COLUMN trimtab.rungs.rung IS 'From 0, the shortest of its bracket.';
COMMENT ON COLUMN trimtab.rungs.resource IS 'How far a trial runs to come here: steps, or what the parameter of spec.fidelity says.';
COMMENT ON COLUMN trimtab.rungs.trials IS 'Trials that came so far, or were granted as much.';
COMMENT ON COLUMN trimtab.rungs.running IS 'Of them, those that are under way and have not come to the next rung.';
COMMENT ON COLUMN trimtab.rungs.promoted IS 'Of them, those that went on.';
COMMENT ON COLUMN trimtab.rungs.stopped IS 'Of them, those that were stopped early before they came to the next rung.';
COMMENT ON COLUMN trimtab.rungs.failed IS 'Of them, those that failed, were killed or lost, or ended without metrics.';
COMMENT ON COLUMN trimtab.rungs.best_trial IS 'The trial with the best value here.';
COMMENT ON COLUMN trimtab.rungs.best_value IS 'The best value of the first objective here.';

CREATE OR REPLACE VIEW trimtab.lengths AS
SELECT e.namespace, e.name AS experiment, l.number AS trial, l.line, l.parent, l.bracket, l.rung, l.state, l.reason, t.message,
       l.granted, l.reached, l.done, l.spent AS duration_s, l.pace AS seconds_per_step, t.finished_at
FROM core.experiments e CROSS JOIN LATERAL core.lengths(e.experiment_id) l
JOIN core.trials t ON t.experiment_id = e.experiment_id AND t.number = l.number
WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.lengths IS 'One row per trial: how far it was to run and how far it came, in steps of the first objective''s reports, or as the parameter of spec.fidelity says.';
COMMENT ON COLUMN trimtab.lengths.line IS 'The first trial of its configuration: rungs that continue each other share it.';
COMMENT ON COLUMN trimtab.lengths.parent IS 'The trial that it continues; null = a new configuration.';
COMMENT ON COLUMN trimtab.lengths.bracket IS 'Which of the algorithm''s schedules it belongs to.';
COMMENT ON COLUMN trimtab.lengths.rung IS 'Its rung, where the algorithm grants lengths.';
COMMENT ON COLUMN trimtab.lengths.granted IS 'What the algorithm gave it; null = all.';
COMMENT ON COLUMN trimtab.lengths.reached IS 'How far it came, what it continued included.';
COMMENT ON COLUMN trimtab.lengths.done IS 'What it trained itself.';
COMMENT ON COLUMN trimtab.lengths.seconds_per_step IS 'Between its reports; null = it reported once at most.';

CREATE OR REPLACE VIEW trimtab.stopped_trials AS
SELECT e.namespace, e.name AS experiment, t.number AS trial, t.reason, t.message, l.reached, l.bracket, t.vals[1] AS value, t.params,
       t.started_at, t.finished_at
FROM core.experiments e JOIN core.trials t USING (experiment_id)
LEFT JOIN core.courses l ON l.experiment_id = t.experiment_id AND l.number = t.number
WHERE e.archived_at IS NULL AND t.state = 'early_stopped';
COMMENT ON VIEW trimtab.stopped_trials IS 'One row per trial that was stopped early: why, and how far it came.';
COMMENT ON COLUMN trimtab.stopped_trials.reason IS 'The rule that stopped it, in one word: MedianStop, RungStop, ...';
COMMENT ON COLUMN trimtab.stopped_trials.reached IS 'How far it came: steps, or what the parameter of spec.fidelity says.';
COMMENT ON COLUMN trimtab.stopped_trials.bracket IS 'Which of the algorithm''s schedules it belongs to.';

CREATE OR REPLACE VIEW trimtab.savings AS
SELECT e.namespace, e.name AS experiment, (s.v ->> 'configurations')::int AS configurations, (s.v ->> 'stopped')::int AS stopped,
       (s.v ->> 'steps')::double precision AS steps, (s.v ->> 'fraction')::double precision AS fraction,
       (s.v ->> 'seconds')::double precision AS seconds, (s.v ->> 'timeFraction')::double precision AS time_fraction
FROM core.experiments e, LATERAL (SELECT core.saved(e.experiment_id) AS v OFFSET 0) s  -- called once, not for each column
WHERE e.archived_at IS NULL AND s.v IS NOT NULL AND (e.spec -> 'fidelity' IS NOT NULL OR e.spec -> 'earlyStopping' IS NOT NULL);
COMMENT ON VIEW trimtab.savings IS 'One row per experiment that stops trials or grants them lengths: what that saved so far, against every configuration run to its full length.';
COMMENT ON COLUMN trimtab.savings.configurations IS 'Configurations that count: tried, and no trial of theirs under way.';
COMMENT ON COLUMN trimtab.savings.stopped IS 'Of them, those that did not run to the end.';
COMMENT ON COLUMN trimtab.savings.steps IS 'Steps that were not run, or units of the parameter of spec.fidelity.';
COMMENT ON COLUMN trimtab.savings.fraction IS 'The same as a share of all steps.';
COMMENT ON COLUMN trimtab.savings.seconds IS 'The time that these steps would have taken, by what a step of the same configuration took.';
COMMENT ON COLUMN trimtab.savings.time_fraction IS 'The same as a share of the time of all.';

CREATE OR REPLACE VIEW trimtab.events AS
SELECT e.namespace, e.name AS experiment, v.event_id, v.number AS trial, v.type, v.reason, v.message, v.time
FROM core.events v JOIN core.experiments e USING (experiment_id) WHERE e.archived_at IS NULL;
COMMENT ON VIEW trimtab.events IS 'What happened and why, per experiment and trial.';

-- Every column that has no comment of its own, by what its name means everywhere.
DO $$
DECLARE
  meaning jsonb := '{
    "namespace": "Namespace of the experiment", "experiment": "Name of the experiment", "trial": "Number of the trial, from 1",
    "state": "Present state", "reason": "Why, in one word", "message": "Why, in a sentence", "step": "Step of the training",
    "metric": "Name of the metric", "value": "Value of the first objective, or of the point", "time": "When it was measured",
    "direction": "minimize or maximize", "goal": "Value at which the search may end", "param": "Name of the parameter",
    "type": "double, int, discrete or categorical; of events: Normal or Warning", "lo": "Least value", "hi": "Greatest value",
    "params": "Assignments as typed JSON", "values": "One value per objective, in their order",
    "created_at": "When it was made", "started_at": "When it started", "finished_at": "When it ended; null = it has not",
    "duration": "From start to end, or to now", "duration_s": "The same in seconds", "n": "How many"}';
  c record;
BEGIN
  FOR c IN SELECT a.attrelid::regclass AS view, a.attname AS name
           FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
           WHERE r.relnamespace = 'trimtab'::regnamespace AND r.relkind = 'v' AND a.attnum > 0
             AND col_description(a.attrelid, a.attnum) IS NULL
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', c.view, c.name,
                   coalesce(meaning ->> c.name, initcap(left(c.name, 1)) || replace(substr(c.name, 2), '_', ' ')));
  END LOOP;
END $$;
