-- Replies to senders who are not proven count in budgets of their own. The twin stands in ../sqlite.

ALTER TABLE outbox ADD COLUMN unproven BIGINT NOT NULL DEFAULT 0;
