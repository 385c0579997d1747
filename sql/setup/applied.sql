SELECT number, name, sha256 FROM core.migrations ORDER BY number
