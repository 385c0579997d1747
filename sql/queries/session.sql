-- The last step of every new connection. Sent as a statement and not as a startup option, which
-- poolers refuse. jit, and a plan for each call's own arguments, cost more than most statements take: they
-- are written so that the one plan for all arguments is the right one. It is made before the tables have
-- grown, when reading all of one looks cheaper than any index: rows are to be found by their keys always.
-- name: session_begin repeatable
-- in: statement_timeout text, lock_timeout text
-- out: done text
SELECT set_config('statement_timeout', $1, false) || set_config('lock_timeout', $2, false)
    || set_config('idle_in_transaction_session_timeout', '60s', false) || set_config('TimeZone', 'UTC', false)
    || set_config('search_path', 'pg_catalog', false) || set_config('jit', 'off', false)
    || set_config('plan_cache_mode', 'force_generic_plan', false) || set_config('enable_seqscan', 'off', false)
    || set_config('enable_hashjoin', 'off', false) || set_config('enable_mergejoin', 'off', false) AS done;
