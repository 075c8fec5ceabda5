-- What budgets are counted by. The twin stands in ../sqlite.

-- Each holds only what counts, so that counting looks at no row.
DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state <> 'dropped';
-- And this one in the order of the groups that are counted: they need no sorting.
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('held', 'dropped');
