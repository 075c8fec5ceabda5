-- What is sent lies beside the outbox: rows that are claimed, counted and settled stay small, and what is in them is not
-- written anew with each change. The twin stands in ../postgres.

CREATE TABLE payloads (
    id TEXT PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    payload TEXT NOT NULL                   -- JSON: headers, subject, text, html
) STRICT;
INSERT INTO payloads (id, payload) SELECT id, payload FROM outbox;
ALTER TABLE outbox DROP COLUMN payload;

-- The desk's budget is counted without a look at the rows.
DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at, state) WHERE reason NOT IN ('team', 'event');

-- What a desk of a million tickets looks like, for the planner: without these figures it takes an outcome, a status or a
-- missing Message-ID for rare, and reads half a table. (https://sqlite.org/optoverview.html#manual_control)
-- PostgreSQL measures for itself.
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('submissions', 'sqlite_autoindex_submissions_1', '1000000 1'),
    ('submissions', 'submissions_by_key', '1000000 100000 1'),
    ('submissions', 'submissions_pending', '1000 500 1'),
    ('submissions', 'submissions_by_outcome', '1000000 200000 1'),
    ('submissions', 'submissions_unacknowledged', '1000 500'),
    ('submissions', 'submissions_with_key', '1000000 100000 1'),
    ('submissions', 'submissions_beside', '100000 2'),
    ('submissions', 'submissions_by_blob', '10000 1'),
    ('tickets', 'tickets_by_status', '1000000 200000 1'),
    ('tickets', 'tickets_by_requester', '1000000 10 1'),
    ('tickets', 'tickets_by_campaign', '1000000 100'),
    ('tickets', 'tickets_by_topic', '1000000 80000 1'),
    ('tickets', 'tickets_to_chase', '10000 2 1'),
    ('tickets', 'tickets_linked', '10000 1'),
    ('messages', 'sqlite_autoindex_messages_1', '2000000 1'),
    ('messages', 'sqlite_autoindex_messages_2', '2000000 1'),
    ('messages', 'messages_by_ticket', '2000000 2 1'),
    ('messages', 'messages_by_message_id', '2000000 1000'),
    ('messages', 'messages_by_fingerprint', '500000 1'),
    ('outbox', 'sqlite_autoindex_outbox_1', '1000000 1'),
    ('outbox', 'sqlite_autoindex_outbox_2', '1000000 1'),
    ('outbox', 'outbox_due', '1000 500 2 1'),
    ('outbox', 'outbox_due_to', '1000 500 2 1'),
    ('outbox', 'outbox_by_ticket', '1000000 2'),
    ('outbox', 'outbox_by_state', '1000000 200000 1'),
    ('outbox', 'outbox_budget_address', '1000000 5 1'),
    ('outbox', 'outbox_budget_domain', '1000000 50 1'),
    ('outbox', 'outbox_budget_desk', '1000000 500000 1 1'),
    ('events', 'sqlite_autoindex_events_1', '3000000 1'),
    ('events', 'events_by_ticket', '3000000 3 1'),
    ('events', 'events_by_people', '300000 1');
ANALYZE sqlite_schema;
