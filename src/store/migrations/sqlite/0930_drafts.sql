-- Drafts spend no budget: nobody was sent anything. The twin stands in ../postgres.

DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('draft', 'held', 'dropped');
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('draft', 'held', 'dropped');

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('outbox', 'outbox_budget_desk', '1000000 500000 1'),
    ('outbox', 'outbox_budget_domain', '1000000 50 40 1');
ANALYZE sqlite_schema;
