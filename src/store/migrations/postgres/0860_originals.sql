-- The bytes that came in lie beside the submissions: these are claimed and settled, and what has come is never written
-- anew. The twin stands in ../sqlite.

CREATE TABLE originals (
    id TEXT PRIMARY KEY REFERENCES submissions (id) ON DELETE CASCADE,
    raw BYTEA NOT NULL                       -- as it came; there is no row of what lies outside or is erased
);
INSERT INTO originals (id, raw) SELECT id, raw FROM submissions WHERE LENGTH(raw) > 0;

-- How many bytes came in, wherever they lie; 0: they are erased.
ALTER TABLE submissions ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
UPDATE submissions SET size = LENGTH(raw) + blob_bytes;
ALTER TABLE submissions DROP COLUMN raw;
