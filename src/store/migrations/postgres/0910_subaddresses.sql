-- Addresses of one mailbox have one budget. The twin stands in ../sqlite.

-- The recipient without a subaddress (RFC 5233): what is counted, and nothing else.
ALTER TABLE outbox ADD COLUMN recipient_mailbox TEXT NOT NULL DEFAULT '';
UPDATE outbox SET recipient_mailbox = CASE
    WHEN strpos(recipient, '+') > 1 AND strpos(recipient, '+') < strpos(recipient, '@')
        THEN substr(recipient, 1, strpos(recipient, '+') - 1) || substr(recipient, strpos(recipient, '@'))
    ELSE recipient END;
DROP INDEX outbox_budget_address;
CREATE INDEX outbox_budget_address ON outbox (recipient_mailbox, created_at) WHERE reason NOT IN ('team', 'event');
