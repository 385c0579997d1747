-- is the search still improving?
SELECT experiment, max(n_finished) n, (array_agg(best ORDER BY n_finished DESC))[1] best_now,
       (array_agg(best ORDER BY n_finished DESC))[21] best_20_ago FROM best_so_far GROUP BY 1;
-- which algorithm did better?
SELECT * FROM compare('cnn-tpe', 'cnn-random');
-- which parameters matter?
SELECT param, spearman, eta2 FROM param_effects WHERE experiment = 'cnn-random' ORDER BY eta2 DESC NULLS LAST;
-- is my range too narrow? top-10 trials within 5 % of a bound, log scale aware
WITH top AS (SELECT p.*, CASE WHEN distribution LIKE 'log%' THEN (ln(p.value)-ln(lo))/(ln(hi)-ln(lo)) ELSE (p.value-lo)/(hi-lo) END u
  FROM trial_params p JOIN trials t USING (namespace, experiment, trial) WHERE t.rank <= 10 AND p.type IN ('double','int') AND hi > lo)
SELECT experiment, param, count(*) FILTER (WHERE u <= .05) at_low, count(*) FILTER (WHERE u >= .95) at_high FROM top GROUP BY 1, 2
HAVING count(*) FILTER (WHERE u <= .05 OR u >= .95) > 0;
-- best accuracy for each latency budget
SELECT b, (SELECT max("values"[1]) FROM pareto_front WHERE experiment = 'cnn-moo' AND "values"[2] <= b) FROM generate_series(6, 16, 2) b;
-- would stopping at step 5 have kept the winner?
WITH c AS (SELECT trial, max(value) FILTER (WHERE step = 5) s5, max(value) FILTER (WHERE step = 20) s20
           FROM learning_curves WHERE experiment = 'cnn-tpe' AND state = 'succeeded' GROUP BY 1),
r AS (SELECT rank() OVER (ORDER BY s5) r5, rank() OVER (ORDER BY s20) r20 FROM c)
SELECT corr(r5, r20) AS spearman, min(r5) FILTER (WHERE r20 = 1) AS winner_rank_at_5 FROM r;
-- where did the compute go?
SELECT experiment, state, count(*), sum(duration), round(avg(duration_s)) FROM trials GROUP BY 1, 2 ORDER BY 1, 4 DESC;
-- is the winner luck? spread among trials that share the discrete choices
SELECT params->>'optimizer' opt, params->>'layers' layers, count(*) n, avg(value) mean, stddev_samp(value) sd, min(value) best
FROM trials WHERE experiment IN ('cnn-tpe', 'cnn-random') AND rank IS NOT NULL GROUP BY 1, 2 HAVING count(*) >= 4 ORDER BY mean;
-- time to target
SELECT experiment, min(n_finished) trials, round(min(elapsed_s)/60) minutes FROM best_so_far WHERE best <= 0.15 GROUP BY 1;
-- and every other view
SELECT * FROM experiments WHERE experiment = 'cnn-tpe' AND best_value IS NOT NULL;
SELECT * FROM objectives;
SELECT * FROM parameters;
SELECT * FROM leaderboard WHERE experiment = 'cnn-tpe' AND rank = 1;
SELECT * FROM metrics WHERE experiment = 'cnn-tpe' AND trial = 1;
SELECT * FROM metric_summary WHERE experiment = 'cnn-tpe' AND trial = 1;
SELECT * FROM failures WHERE reason = 'OOMKilled';
SELECT * FROM events;
SELECT 1 WHERE best_params('cnn-tpe') ->> 'lr' IS NOT NULL;
