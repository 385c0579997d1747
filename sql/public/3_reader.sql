-- The role for people who only read. Whoever may not create roles can ask an administrator for it; it is
-- granted its rights the next time.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'trimtab_reader') THEN
    CREATE ROLE trimtab_reader NOLOGIN;
    COMMENT ON ROLE trimtab_reader IS 'Reads the views and functions of schema trimtab.';
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN RAISE NOTICE 'no right to create the role trimtab_reader';
  WHEN duplicate_object OR unique_violation THEN NULL;  -- another server was faster
END $$;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'trimtab_reader') THEN
    GRANT USAGE ON SCHEMA trimtab TO trimtab_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA trimtab TO trimtab_reader;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trimtab TO trimtab_reader;
  END IF;
END $$;
