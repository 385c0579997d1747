-- The ranking of a large experiment, counted once. Its index has the costs in order, but only counting the
-- entries before a cost tells its rank: a page of trials of 100,000 would count them all.
CREATE TABLE core.rankings (
  experiment_id  bigint PRIMARY KEY REFERENCES core.experiments ON DELETE CASCADE,
  change         bigint NOT NULL,                    -- of core.progress, as the others, when it was counted
  completions    int NOT NULL,
  succeeded      int NOT NULL,
  fences         double precision[] NOT NULL,        -- costs in order; up to the next one fewer than 64 are ranked
  below          int[] NOT NULL                      -- how many have a smaller cost than the fence
);

-- The rank of each of these costs: 1 + the number of trials with a smaller one. With a ranking: those below
-- the last fence, then and since, and the index entries from there to the cost. Without one, and where it does
-- not add up, the entries between two neighbours are counted once, which is one pass over the index. `stale`:
-- many ended since; it is time for ranking_keep.
DROP FUNCTION core.ranks;
CREATE FUNCTION core.ranks(experiment bigint, costs double precision[])
RETURNS TABLE (cost double precision, rank int, stale boolean) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  kept core.rankings; now_succeeded int; fences double precision[]; below int[];
  since double precision[];                          -- negative costs in order, so that width_bucket() counts from the top
BEGIN
  SELECT succeeded INTO now_succeeded FROM core.progress WHERE experiment_id = experiment;
  SELECT * INTO kept FROM core.rankings WHERE experiment_id = experiment;
  fences := kept.fences;
  below := kept.below;
  SELECT coalesce(array_agg(-t.cost ORDER BY -t.cost), '{}') INTO since FROM core.trials t
  WHERE t.experiment_id = experiment AND t.change > kept.change AND t.completion > kept.completions AND t.cost IS NOT NULL;
  IF kept.succeeded + cardinality(since) = now_succeeded THEN
    RETURN QUERY
      SELECT c.cost, (1 + g.n + CASE WHEN f.i > 0 THEN below[f.i] + cardinality(since) - width_bucket(-fences[f.i], since)
                                ELSE 0 END)::int, cardinality(since) > 2000
      FROM (SELECT DISTINCT u.cost FROM unnest(costs) AS u (cost) WHERE u.cost IS NOT NULL) c,
           LATERAL (SELECT width_bucket(c.cost, fences) AS i OFFSET 0) f,
           LATERAL (SELECT count(*) AS n FROM core.trials t WHERE t.experiment_id = experiment AND t.cost < c.cost
                      AND t.cost >= CASE WHEN f.i > 0 THEN fences[f.i] ELSE '-Infinity' END) g;
  ELSE
    RETURN QUERY
      SELECT c.cost, (1 + sum(g.n) OVER (ORDER BY c.cost))::int, now_succeeded > 5000
      FROM (SELECT d.cost, lag(d.cost, 1, '-Infinity') OVER (ORDER BY d.cost) AS previous
            FROM (SELECT DISTINCT u.cost FROM unnest(costs) AS u (cost) WHERE u.cost IS NOT NULL) d) c,
           LATERAL (SELECT count(*) AS n FROM core.trials t
                    WHERE t.experiment_id = experiment AND t.cost < c.cost AND t.cost >= c.previous) g;
  END IF;
END $$;
