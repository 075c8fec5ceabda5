-- Drafts spend no budget: nobody was sent anything. The twin stands in ../sqlite.

DROP INDEX outbox_budget_desk;
CREATE INDEX outbox_budget_desk ON outbox (unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('draft', 'held', 'dropped');
DROP INDEX outbox_budget_domain;
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, unproven, created_at)
    WHERE reason NOT IN ('team', 'event') AND state NOT IN ('draft', 'held', 'dropped');
