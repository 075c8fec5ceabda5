-- What has just come in has no outcome and stands in no index of outcomes. The twin stands in ../sqlite.

DROP INDEX submissions_by_outcome;
CREATE INDEX submissions_by_outcome ON submissions (outcome, received_at) WHERE outcome IS NOT NULL;
