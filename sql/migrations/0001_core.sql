-- The private tables. People query schema trimtab (sql/public), never this one.
--
-- Every key begins with the experiment, so that one experiment's rows lie together, drop together,
-- and can be spread over machines by it.
CREATE SCHEMA core;

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
  lease_until    timestamptz,                        -- ask/tell: silent for longer = lost
  executor       text,                               -- local, kubernetes, simulated, worker
  object         jsonb,                              -- what runs it: process or Kubernetes object
  pushed         boolean NOT NULL DEFAULT false,     -- it reports by itself: no fallback collector
  completion     int,                                -- the order in which trials of it ended
  change         bigint NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL DEFAULT now(),
  started_at     timestamptz,
  finished_at    timestamptz,
  PRIMARY KEY (experiment_id, number)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX trials_name ON core.trials (experiment_id, name);
CREATE INDEX trials_change ON core.trials (experiment_id, change);
CREATE INDEX trials_rank ON core.trials (experiment_id, cost, number) WHERE cost IS NOT NULL;
CREATE INDEX trials_state ON core.trials (experiment_id, state, number);

CREATE TABLE core.observations (
  experiment_id  bigint NOT NULL,
  number         int NOT NULL,
  metric         text NOT NULL COLLATE "C",
  step           bigint NOT NULL,
  value          double precision NOT NULL,          -- NaN and infinities are what they are
  time           timestamptz NOT NULL,
  PRIMARY KEY (experiment_id, number, metric, step)  -- a report sent twice is one report
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
