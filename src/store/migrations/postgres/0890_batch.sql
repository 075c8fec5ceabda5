-- What a batch is counted with. The twin stands in ../sqlite.

-- A domain's budget is counted without a look at the rows.
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, created_at, unproven, state)
    WHERE reason NOT IN ('team', 'event');
