-- The private tables. People query schema trimtab (sql/public), never this one.
--
-- Every key begins with the experiment, so that one experiment's rows lie together, drop together,
-- and can be spread over machines by it.
CREATE SCHEMA IF NOT EXISTS core;

CREATE TABLE core.settings (
  name   text PRIMARY KEY,
  value  text NOT NULL
);
COMMENT ON TABLE core.settings IS 'Facts about this installation: the key that signs trial tokens.';
INSERT INTO core.settings
VALUES ('trial_token_key', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

CREATE TABLE core.experiments (
  experiment_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uid            uuid NOT NULL DEFAULT gen_random_uuid(),
  namespace      text NOT NULL COLLATE "C",
  name           text NOT NULL COLLATE "C",
  labels         jsonb NOT NULL DEFAULT '{}',
  annotations    jsonb NOT NULL DEFAULT '{}',
  form           text NOT NULL,                      -- the apiVersion that was posted
  posted         text NOT NULL,                      -- the document, byte for byte
  spec           json NOT NULL,                      -- native form, defaulted; jsonb would reorder parameters
  spec_sha256    text NOT NULL,                      -- of the normalised spec: same document or not
  algorithm      text NOT NULL,
  state          text NOT NULL DEFAULT 'running' CHECK (state IN
                 ('running', 'paused', 'stopping', 'succeeded', 'failed', 'stopped')),
  cancelling     boolean NOT NULL DEFAULT false,     -- stopping: kill what runs instead of waiting
  reason         text NOT NULL DEFAULT 'Created',
  message        text NOT NULL DEFAULT '',
  created_by     text NOT NULL DEFAULT '',
  created_at     timestamptz NOT NULL DEFAULT now(),
  started_at     timestamptz,
  finished_at    timestamptz,
  archived_at    timestamptz,                        -- deleted, but its history is kept
  version        bigint NOT NULL DEFAULT 1           -- the ETag: counts changes of this row
);
CREATE UNIQUE INDEX experiments_name ON core.experiments (namespace, name) WHERE archived_at IS NULL;
CREATE INDEX experiments_page ON core.experiments (created_at DESC, experiment_id DESC) WHERE archived_at IS NULL;
CREATE INDEX experiments_active ON core.experiments (experiment_id) WHERE state IN ('running', 'paused', 'stopping');

CREATE TABLE core.objectives (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  ordinal        smallint NOT NULL,                  -- 0 = the one that is searched and ranked by
  metric         text NOT NULL COLLATE "C",
  direction      text NOT NULL CHECK (direction IN ('minimize', 'maximize')),
  goal           double precision,
  strategy       text NOT NULL CHECK (strategy IN ('min', 'max', 'latest')),
  additional     boolean NOT NULL DEFAULT false,     -- watched, not searched; after all others
  PRIMARY KEY (experiment_id, ordinal),
  UNIQUE (experiment_id, metric)
);

CREATE TABLE core.parameters (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  ordinal        smallint NOT NULL,
  name           text NOT NULL COLLATE "C",
  type           text NOT NULL CHECK (type IN ('double', 'int', 'discrete', 'categorical')),
  distribution   text NOT NULL,
  lo             double precision,
  hi             double precision,
  step           double precision,
  choices        jsonb,
  PRIMARY KEY (experiment_id, ordinal),
  UNIQUE (experiment_id, name)
);

-- The hot row of an experiment. Whoever changes a trial locks it first, so that changes of one
-- experiment are ordered: by its epoch a replica that lost its lease changes nothing, by
-- next_number budgets are strict, and change, completions and the counts need no second look.
CREATE TABLE core.progress (
  experiment_id  bigint PRIMARY KEY REFERENCES core.experiments ON DELETE CASCADE,
  owner          text,                               -- the replica that drives the experiment
  epoch          bigint NOT NULL DEFAULT 0,          -- counts owners
  lease_until    timestamptz NOT NULL DEFAULT '-infinity',
  change         bigint NOT NULL DEFAULT 0,          -- of any trial; core.trials.change repeats it
  next_number    int NOT NULL DEFAULT 1,
  completions    int NOT NULL DEFAULT 0,
  imported       int NOT NULL DEFAULT 0,             -- numbers that do not count against maxTrials
  pending        int NOT NULL DEFAULT 0,
  starting       int NOT NULL DEFAULT 0,
  running        int NOT NULL DEFAULT 0,
  succeeded      int NOT NULL DEFAULT 0,
  failed         int NOT NULL DEFAULT 0,
  early_stopped  int NOT NULL DEFAULT 0,
  killed         int NOT NULL DEFAULT 0,
  metrics_unavailable int NOT NULL DEFAULT 0,
  lost           int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE core.trials (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  number         int NOT NULL,
  name           text NOT NULL COLLATE "C",          -- <experiment>-<8 characters of (uid, number)>
  attempt        int NOT NULL DEFAULT 1,
  state          text NOT NULL COLLATE "C" CHECK (state IN
                 ('pending', 'starting', 'running', 'succeeded', 'failed', 'early_stopped', 'killed',
                  'metrics_unavailable', 'lost')),
  stop           text,                               -- why it was asked to stop (a reason), else null
  reason         text NOT NULL DEFAULT '',
  message        text NOT NULL DEFAULT '',
  exit_code      int,
  params         jsonb NOT NULL,                     -- typed: {"lr": 0.01, "optimizer": "adam"}
  vals           double precision[],                 -- in the order of core.objectives
  extra          jsonb,                              -- every other metric, by its strategy
  cost           double precision,                   -- vals[1], smaller is better; null = not rankable
  budget         jsonb,                              -- what the search granted: {"steps": 27}
  source         text NOT NULL DEFAULT 'algorithm' CHECK (source IN ('algorithm', 'user', 'import')),
  worker         text COLLATE "C",                   -- ask/tell: who works on it
  lease_seconds  int,                                -- ask/tell: silent for longer = lost
  lease_until    timestamptz,
  executor       text,                               -- local, kubernetes, simulated, worker
  object         jsonb,                              -- what runs it: process or Kubernetes object
  pushed         boolean NOT NULL DEFAULT false,     -- it reports by itself: no fallback collector
  completion     int,                                -- the order in which trials of it ended
  change         bigint NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL DEFAULT now(),
  started_at     timestamptz,
  finished_at    timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX trials_name ON core.trials (experiment_id, name);
CREATE INDEX trials_change ON core.trials (experiment_id, change, number);
CREATE INDEX trials_rank ON core.trials (experiment_id, cost, number) WHERE cost IS NOT NULL;
CREATE INDEX trials_state ON core.trials (experiment_id, state, number);
-- The last one, because without statistics all look alike, and then PostgreSQL takes the newest.
ALTER TABLE core.trials ADD PRIMARY KEY (experiment_id, number);

CREATE TABLE core.observations (
  experiment_id  bigint NOT NULL,
  number         int NOT NULL,
  metric         text NOT NULL COLLATE "C",
  step           bigint NOT NULL,
  value          double precision NOT NULL,          -- NaN and infinities are what they are
  time           timestamptz NOT NULL,
  PRIMARY KEY (experiment_id, number, metric, step)  -- a report sent twice is one report
);

-- Experiments that were deleted for good and whose observations are still being removed, bit by bit.
CREATE TABLE core.purged (
  experiment_id  bigint PRIMARY KEY,
  purged_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE core.events (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  event_id       bigint GENERATED ALWAYS AS IDENTITY,
  number         int,                                -- the trial, if it is about one
  type           text NOT NULL CHECK (type IN ('Normal', 'Warning')),
  reason         text NOT NULL,
  message        text NOT NULL,
  time           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (experiment_id, event_id)
);

-- Workers that asked for more trials than there were, until the owner of the experiment serves them.
CREATE TABLE core.asks (
  experiment_id  bigint NOT NULL REFERENCES core.experiments ON DELETE CASCADE,
  worker         text NOT NULL COLLATE "C",
  wanted         int NOT NULL,
  lease_seconds  int NOT NULL,
  asked_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (experiment_id, worker)
);

CREATE TABLE core.tokens (
  sha256         text PRIMARY KEY,
  name           text NOT NULL UNIQUE,
  namespace      text NOT NULL,                      -- * = every namespace
  role           text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz
);

CREATE TABLE core.idempotency (
  principal      text NOT NULL,
  key            text NOT NULL,
  request_sha256 text NOT NULL,
  status         int,                                -- null while the first request is under way
  headers        jsonb,
  body           text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_age ON core.idempotency (created_at);

-- Which moves of a trial are legal: the same as server/model/state.c, which a test compares. Staying
-- is legal while it is started or runs: what is known of its process is brought up to date.
CREATE FUNCTION core.trial_edge(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE was
    WHEN 'pending'  THEN becomes IN ('starting', 'running', 'killed', 'failed')
    WHEN 'starting' THEN true
    WHEN 'running'  THEN becomes <> 'starting'
    WHEN 'lost'     THEN becomes NOT IN ('starting', 'lost')
    WHEN 'succeeded' THEN false
    ELSE becomes = 'pending' END $$;

CREATE FUNCTION core.trial_over(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state NOT IN ('pending', 'starting', 'running') $$;

-- The same as trial_name() in server/model/names.c: eight characters of base 32 (lib/hash.h) of a SHA-256.
CREATE FUNCTION core.trial_name(experiment text, uid uuid, number int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT experiment || '-' || string_agg(
           substr('abcdefghijkmnpqrstuvwxyz23456789', 1 + ((h.bits >> (35 - 5 * i)) & 31)::int, 1), '' ORDER BY i)
  FROM (SELECT ('x' || encode(substr(sha256(convert_to('trial/' || uid || '/' || number, 'UTF8')), 1, 5), 'hex'))
               ::bit(40)::bigint AS bits) h, generate_series(0, 7) i $$;

-- What a trial measured, one value a metric, by strategy; `given` ({"loss": 0.1}) goes before what was
-- reported. min and max ignore NaN unless there is nothing else. vals is null if no objective has one;
-- cost is the first objective's, smaller is better, null where it cannot be ranked.
CREATE FUNCTION core.final_values(experiment bigint, trial int, given jsonb)
RETURNS TABLE (vals double precision[], extra jsonb, cost double precision, seen text[], missing text[], bad text)
LANGUAGE sql STABLE ROWS 1 AS $$
  WITH reported AS (
    SELECT metric, min(value) FILTER (WHERE value <> 'NaN') AS lo, max(value) FILTER (WHERE value <> 'NaN') AS hi
    FROM core.observations WHERE experiment_id = experiment AND number = trial GROUP BY metric),
  metrics AS (
    SELECT metric FROM reported
    UNION SELECT jsonb_object_keys(given)
    UNION SELECT metric FROM core.objectives WHERE experiment_id = experiment),
  valued AS MATERIALIZED (
    SELECT m.metric, o.ordinal, o.direction, coalesce(o.additional, true) AS additional,
           CASE WHEN given ? m.metric THEN (given ->> m.metric)::double precision
                WHEN r.metric IS NULL THEN NULL
                WHEN o.strategy = 'min' THEN coalesce(r.lo, 'NaN')
                WHEN o.strategy = 'max' THEN coalesce(r.hi, 'NaN')
                ELSE (SELECT value FROM core.observations l
                      WHERE l.experiment_id = experiment AND l.number = trial AND l.metric = m.metric
                      ORDER BY step DESC LIMIT 1) END AS v
    FROM metrics m LEFT JOIN reported r USING (metric)
    LEFT JOIN core.objectives o ON o.experiment_id = experiment AND o.metric = m.metric)
  SELECT CASE WHEN bool_or(v IS NOT NULL) FILTER (WHERE NOT additional)
              THEN array_agg(v ORDER BY ordinal) FILTER (WHERE NOT additional) END,
         jsonb_object_agg(metric, v) FILTER (WHERE additional AND v IS NOT NULL),
         min(CASE WHEN direction = 'minimize' THEN v ELSE -v END)
           FILTER (WHERE ordinal = 0 AND v NOT IN ('NaN', 'Infinity', '-Infinity')),
         array_agg(metric ORDER BY metric) FILTER (WHERE v IS NOT NULL),
         array_agg(metric ORDER BY ordinal) FILTER (WHERE v IS NULL AND NOT additional),
         min(metric || ' is ' || v) FILTER (WHERE NOT additional AND v IN ('NaN', 'Infinity', '-Infinity'))
  FROM valued $$;

-- How a trial that is said to end as `asked` ends in truth, from what it measured.
CREATE FUNCTION core.verdict(asked text, reason text, message text, seen text[], missing text[], bad text)
RETURNS TABLE (state text, why text, sentence text)
LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT CASE WHEN asked <> 'succeeded' THEN asked WHEN missing IS NOT NULL THEN 'metrics_unavailable'
              WHEN bad IS NOT NULL THEN 'failed' ELSE asked END,
         CASE WHEN asked <> 'succeeded' THEN reason WHEN missing IS NOT NULL THEN 'MetricNotReported'
              WHEN bad IS NOT NULL THEN 'NonFiniteObjective' ELSE reason END,
         CASE WHEN asked <> 'succeeded' THEN message
              WHEN missing IS NOT NULL THEN
                CASE WHEN seen IS NULL THEN 'saw no metrics'
                     ELSE 'saw metrics ''' || array_to_string(seen[1:20], ''', ''') || '''' END ||
                '; expected ''' || array_to_string(missing, ''', ''') || ''''
              WHEN bad IS NOT NULL THEN 'the objective ' || bad || ', which cannot be ranked'
              ELSE message END $$;

-- The rank of each of these costs: 1 + the number of trials with a smaller one. The index entries
-- between two neighbours are counted once, so a page costs one pass over the experiment's ranking.
CREATE FUNCTION core.ranks(experiment bigint, costs double precision[]) RETURNS TABLE (cost double precision, rank int)
LANGUAGE sql STABLE AS $$
  SELECT c.cost, (1 + sum(g.n) OVER (ORDER BY c.cost))::int
  FROM (SELECT d.cost, lag(d.cost, 1, '-Infinity') OVER (ORDER BY d.cost) AS previous
        FROM (SELECT DISTINCT u.cost FROM unnest(costs) AS u(cost) WHERE u.cost IS NOT NULL) d) c,
       LATERAL (SELECT count(*) AS n FROM core.trials t
                WHERE t.experiment_id = experiment AND t.cost < c.cost AND t.cost >= c.previous) g $$;

CREATE FUNCTION core.best(experiment bigint) RETURNS SETOF core.trials
LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT * FROM core.trials WHERE experiment_id = experiment AND cost IS NOT NULL ORDER BY cost, number LIMIT 1 $$;

-- What lists show of a spec.
CREATE FUNCTION core.brief(spec json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT json_build_object('objectives', spec -> 'objectives', 'algorithm', spec -> 'algorithm', 'budget', spec -> 'budget') $$;

CREATE FUNCTION core.metric_names(experiment bigint) RETURNS json
LANGUAGE sql STABLE AS $$
  SELECT coalesce(json_agg(metric ORDER BY ordinal), '[]') FROM core.objectives
  WHERE experiment_id = experiment AND NOT additional $$;

CREATE FUNCTION core.parameter_names(experiment bigint) RETURNS json
LANGUAGE sql STABLE AS $$
  SELECT coalesce(json_agg(name ORDER BY ordinal), '[]') FROM core.parameters WHERE experiment_id = experiment $$;

-- Keeps the counts of core.progress, whoever changes trials and however many at once.
CREATE FUNCTION core.count_trials() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[]; states text[]; ns int[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(experiment_id), array_agg(state), array_agg(1) INTO ids, states, ns FROM now_rows;
  ELSE
    SELECT array_agg(experiment_id), array_agg(state), array_agg(n) INTO ids, states, ns
    FROM (SELECT experiment_id, state, sum(n)::int AS n
          FROM (SELECT experiment_id, state, 1 AS n FROM now_rows
                UNION ALL SELECT experiment_id, state, -1 FROM was_rows) r
          GROUP BY experiment_id, state HAVING sum(n) <> 0) d;
  END IF;
  UPDATE core.progress p SET
    pending = p.pending + d.pending, starting = p.starting + d.starting, running = p.running + d.running,
    succeeded = p.succeeded + d.succeeded, failed = p.failed + d.failed,
    early_stopped = p.early_stopped + d.early_stopped, killed = p.killed + d.killed,
    metrics_unavailable = p.metrics_unavailable + d.metrics_unavailable, lost = p.lost + d.lost
  FROM (SELECT id,
          sum(CASE state WHEN 'pending' THEN n ELSE 0 END) AS pending,
          sum(CASE state WHEN 'starting' THEN n ELSE 0 END) AS starting,
          sum(CASE state WHEN 'running' THEN n ELSE 0 END) AS running,
          sum(CASE state WHEN 'succeeded' THEN n ELSE 0 END) AS succeeded,
          sum(CASE state WHEN 'failed' THEN n ELSE 0 END) AS failed,
          sum(CASE state WHEN 'early_stopped' THEN n ELSE 0 END) AS early_stopped,
          sum(CASE state WHEN 'killed' THEN n ELSE 0 END) AS killed,
          sum(CASE state WHEN 'metrics_unavailable' THEN n ELSE 0 END) AS metrics_unavailable,
          sum(CASE state WHEN 'lost' THEN n ELSE 0 END) AS lost
        FROM unnest(ids, states, ns) AS u(id, state, n) GROUP BY id) d
  WHERE p.experiment_id = d.id;
  RETURN NULL;
END $$;
CREATE TRIGGER count_added AFTER INSERT ON core.trials
  REFERENCING NEW TABLE AS now_rows FOR EACH STATEMENT EXECUTE FUNCTION core.count_trials();
CREATE TRIGGER count_moved AFTER UPDATE ON core.trials
  REFERENCING OLD TABLE AS was_rows NEW TABLE AS now_rows FOR EACH STATEMENT EXECUTE FUNCTION core.count_trials();
