-- Three finished experiments: two over the same space, one with two objectives. What looks random is a
-- hash, so that every run sees the same.
INSERT INTO core.experiments (namespace, name, form, posted, spec, spec_sha256, algorithm, state, started_at)
SELECT 'default', n, 'trimtab/v1', '', '{}', '', a, 'succeeded', now() - interval '5 hours'
FROM (VALUES ('cnn-tpe', 'tpe'), ('cnn-random', 'random'), ('cnn-moo', 'nsga2')) v (n, a);
INSERT INTO core.progress (experiment_id, next_number) SELECT experiment_id, 61 FROM core.experiments;
INSERT INTO core.objectives
SELECT experiment_id, 0, 'loss', 'minimize', 0.05, 'min' FROM core.experiments WHERE name <> 'cnn-moo';
INSERT INTO core.objectives
SELECT experiment_id, 0, 'accuracy', 'maximize', NULL, 'max' FROM core.experiments WHERE name = 'cnn-moo';
INSERT INTO core.objectives
SELECT experiment_id, 1, 'latency_ms', 'minimize', NULL, 'latest' FROM core.experiments WHERE name = 'cnn-moo';
INSERT INTO core.parameters SELECT experiment_id, 0, 'lr', 'double', 'logUniform', 1e-5, 1e-1 FROM core.experiments;
INSERT INTO core.parameters SELECT experiment_id, 1, 'layers', 'int', 'uniform', 1, 6, 1 FROM core.experiments;
INSERT INTO core.parameters
SELECT experiment_id, 2, 'optimizer', 'categorical', 'uniform', NULL, NULL, NULL, '["sgd", "adam", "rmsprop"]'
FROM core.experiments;
WITH g AS (
  SELECT e.experiment_id, e.name, e.uid, i, u.x
  FROM core.experiments e, generate_series(1, 60) i, LATERAL (
    SELECT array_agg(abs(hashint4extended(i, e.experiment_id * 10 + k) % 10007) / 10007.0 ORDER BY k) AS x
    FROM generate_series(1, 5) k) u),
f AS (
  SELECT experiment_id, name, uid, i, power(10, -5 + 4 * x[1]) AS lr, 1 + floor(x[2] * 6)::int AS layers,
         (ARRAY['sgd', 'adam', 'rmsprop'])[1 + floor(x[3] * 3)::int] AS optimizer,
         0.08 * power(4 * x[1] - 2.5, 2) + 0.03 * power(floor(x[2] * 6), 2) + 0.04 * x[5] + 0.04 AS loss,
         CASE WHEN x[4] < 0.05 THEN 'failed' WHEN x[4] < 0.1 THEN 'early_stopped' ELSE 'succeeded' END AS state
  FROM g)
INSERT INTO core.trials (experiment_id, number, name, state, params, vals, cost, reason, completion, started_at, finished_at)
SELECT experiment_id, i, core.trial_name(name, uid, i), state,
       jsonb_build_object('lr', lr, 'layers', layers, 'optimizer', optimizer),
       CASE WHEN name = 'cnn-moo' THEN ARRAY[1 - loss, 3 + 2.5 * layers] ELSE ARRAY[loss] END,
       CASE WHEN state = 'succeeded' THEN CASE WHEN name = 'cnn-moo' THEN loss - 1 ELSE loss END END,
       CASE state WHEN 'failed' THEN 'OOMKilled' ELSE '' END, i,
       now() - interval '5 hours' + i * interval '3 minutes',
       now() - interval '5 hours' + i * interval '3 minutes' + interval '2 minutes'
FROM f;
INSERT INTO core.observations
SELECT t.experiment_id, t.number, o.metric, s, t.vals[1] + 1.0 / s, t.started_at + s * interval '5 s'
FROM core.trials t JOIN core.objectives o ON o.experiment_id = t.experiment_id AND o.ordinal = 0, generate_series(1, 20) s;
INSERT INTO core.events (experiment_id, type, reason, message) SELECT experiment_id, 'Normal', 'Created', '' FROM core.experiments;
ANALYZE;
