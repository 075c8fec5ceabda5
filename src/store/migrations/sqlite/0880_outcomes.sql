-- What has just come in has no outcome and stands in no index of outcomes. The twin stands in ../postgres.

DROP INDEX submissions_by_outcome;
CREATE INDEX submissions_by_outcome ON submissions (outcome, received_at) WHERE outcome IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('submissions', 'submissions_by_outcome', '1000000 200000 1');
ANALYZE sqlite_schema;
