-- Only when a view has changed its shape: views that people built on ours go with it.
DROP SCHEMA IF EXISTS trimtab CASCADE
