INSERT INTO core.migrations (number, name, sha256) VALUES ($1::int, $2::text, $3::text)
