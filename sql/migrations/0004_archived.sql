-- Archived experiments are found by their uid, for their name may be another's by now, and listed.
CREATE UNIQUE INDEX experiments_uid ON core.experiments (uid);
CREATE INDEX experiments_archived ON core.experiments (archived_at DESC, experiment_id DESC) WHERE archived_at IS NOT NULL;
