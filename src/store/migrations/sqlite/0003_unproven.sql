-- Replies to senders who are not proven count in budgets of their own. The twin stands in ../postgres.

ALTER TABLE outbox ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0;
