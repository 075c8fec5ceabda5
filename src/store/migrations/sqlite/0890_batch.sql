-- What a batch is claimed and counted with. The twin stands in ../postgres.

-- Numbers are reserved before the first ticket is opened.
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'tickets', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'tickets');

-- A domain's budget is counted without a look at the rows.
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, created_at, unproven, state)
    WHERE reason NOT IN ('team', 'event');

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_budget_domain', '1000000 50 1 1 1');
ANALYZE sqlite_schema;
