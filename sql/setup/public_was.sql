INSERT INTO core.settings (name, value) VALUES ('public_sha256', $1::text)
ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
