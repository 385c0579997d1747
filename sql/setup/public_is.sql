SELECT value FROM core.settings WHERE name = 'public_sha256'
