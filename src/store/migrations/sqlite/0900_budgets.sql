-- What budgets are counted by. The twin stands in ../postgres.

-- Each holds only what counts, so that counting looks at no row.
DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state <> 'dropped';
-- And this one in the order of the groups that are counted: they need no sorting.
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('held', 'dropped');

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('outbox', 'outbox_budget_desk', '1000000 500000 1'),
    ('outbox', 'outbox_budget_domain', '1000000 50 40 1');
ANALYZE sqlite_schema;
