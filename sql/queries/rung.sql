-- What a search with trials of different length has come to, and who was stopped last.
-- name: rungs repeatable
-- in: namespace text, name text, max_stopped int
-- out: fidelity json, early_stopping json, rungs json, stopped json, saved json
SELECT e.spec -> 'fidelity' AS fidelity, e.spec -> 'earlyStopping' AS early_stopping,
       (SELECT json_agg(json_build_object('bracket', r.bracket, 'rung', r.rung, 'resource', r.resource, 'trials', r.trials,
                          'running', r.running, 'promoted', r.promoted, 'stopped', r.stopped, 'failed', r.failed,
                          'bestTrial', r.best_trial, 'bestValue', r.best_value) ORDER BY r.bracket, r.rung)
        FROM core.rungs(e.experiment_id) r) AS rungs,
       (SELECT json_agg(json_build_object('trial', s.number, 'bracket', l.bracket, 'reached', l.reached, 'reason', s.reason,
                          'message', s.message, 'finishedAt', to_char(s.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                        ORDER BY s.completion DESC)
        FROM (SELECT number, reason, message, finished_at, completion FROM core.trials
              WHERE experiment_id = e.experiment_id AND state = 'early_stopped' ORDER BY completion DESC LIMIT $3) s
        JOIN core.courses l ON l.experiment_id = e.experiment_id AND l.number = s.number) AS stopped,
       core.saved(e.experiment_id) AS saved
FROM core.experiments e
WHERE e.namespace = $1 AND e.name = $2 AND e.archived_at IS NULL;
