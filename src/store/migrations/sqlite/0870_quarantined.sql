-- A mail that lies in quarantine and comes once more is told by its bytes: it was never read. The twin stands in ../postgres.

CREATE INDEX submissions_quarantined ON submissions (content_hash) WHERE outcome = 'quarantined';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('submissions', 'submissions_quarantined', '10000 1');
ANALYZE sqlite_schema;
