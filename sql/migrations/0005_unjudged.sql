-- Points that nobody has judged yet, of experiments whose trials are stopped for what they report: they came
-- to a replica that does not drive the experiment, or without a step. Written with the points; whoever drives
-- the experiment takes them in, in this order, and removes them together with what it decides.
CREATE TABLE core.unjudged (
  experiment_id  bigint NOT NULL,
  seq            bigint GENERATED ALWAYS AS IDENTITY,
  number         int NOT NULL,
  step           bigint NOT NULL,                    -- of the first objective
  PRIMARY KEY (experiment_id, seq)
);
