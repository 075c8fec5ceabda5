-- Addresses of one mailbox have one budget. The twin stands in ../postgres.

-- The recipient without a subaddress (RFC 5233): what is counted, and nothing else.
ALTER TABLE outbox ADD COLUMN recipient_mailbox TEXT NOT NULL DEFAULT '';
UPDATE outbox SET recipient_mailbox = CASE
    WHEN instr(recipient, '+') > 1 AND instr(recipient, '+') < instr(recipient, '@')
        THEN substr(recipient, 1, instr(recipient, '+') - 1) || substr(recipient, instr(recipient, '@'))
    ELSE recipient END;
DROP INDEX outbox_budget_address;
CREATE INDEX outbox_budget_address ON outbox (recipient_mailbox, created_at) WHERE reason NOT IN ('team', 'event');

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_budget_address', '1000000 5 1');
ANALYZE sqlite_schema;
