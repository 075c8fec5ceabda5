-- What is large lies outside the database, named by the SHA-256 of its bytes. The twin stands in ../postgres.

-- How many bytes of raw, or content, lie outside under content_hash; 0: none, they are in the row.
ALTER TABLE submissions ADD COLUMN blob_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fetches ADD COLUMN content_hash TEXT;
ALTER TABLE fetches ADD COLUMN blob_bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX submissions_by_blob ON submissions (content_hash) WHERE blob_bytes > 0;
CREATE INDEX fetches_by_blob ON fetches (content_hash) WHERE blob_bytes > 0;
