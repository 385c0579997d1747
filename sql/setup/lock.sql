-- One server migrates at a time. Held until the connection ends.
SELECT pg_advisory_lock(8746)
