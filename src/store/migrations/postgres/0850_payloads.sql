-- What is sent lies beside the outbox: rows that are claimed, counted and settled stay small, and what is in them is not
-- written anew with each change. The twin stands in ../sqlite.

CREATE TABLE payloads (
    id TEXT PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    payload TEXT NOT NULL                   -- JSON: headers, subject, text, html
);
INSERT INTO payloads (id, payload) SELECT id, payload FROM outbox;
ALTER TABLE outbox DROP COLUMN payload;

-- The desk's budget is counted without a look at the rows.
DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at, state) WHERE reason NOT IN ('team', 'event');
