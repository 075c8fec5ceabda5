-- A mail that lies in quarantine and comes once more is told by its bytes: it was never read. The twin stands in ../sqlite.

CREATE INDEX submissions_quarantined ON submissions (content_hash) WHERE outcome = 'quarantined';
