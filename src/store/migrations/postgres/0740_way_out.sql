-- Lanes of the outbox, endpoints and the tickets in other help desks. The twin stands in ../sqlite.

-- Mails and each endpoint are claimed apart: none waits for another.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (kind, due_at, id) WHERE state = 'queued';
CREATE INDEX outbox_due_to ON outbox (recipient, due_at, id) WHERE state = 'queued' AND kind <> 'mail';

-- How webhooks and connectors are; there is a row from the first failure on.
CREATE TABLE endpoints (
    name TEXT PRIMARY KEY,
    failing_since BIGINT,                       -- unix ms; NULL: the last try went well
    last_error TEXT,
    disabled_at BIGINT,                         -- unix ms; NULL: it gets what is for it
    because TEXT
);

-- Tickets that other help desks have, too.
CREATE TABLE remote_tickets (
    connector TEXT NOT NULL,
    ticket_id BIGINT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    remote_id TEXT NOT NULL,                -- empty: it is being created, and nobody knows yet
    seen TEXT NOT NULL,                     -- how it stood there at the last look, as the vendor words it
    polled_at BIGINT NOT NULL,                  -- unix ms; 0: to be looked at soon
    over BIGINT NOT NULL DEFAULT 0,             -- 1: closed there, not looked at any more
    created_at BIGINT NOT NULL,
    PRIMARY KEY (connector, ticket_id)
);
CREATE INDEX remote_tickets_by_id ON remote_tickets (connector, remote_id);
CREATE INDEX remote_tickets_to_poll ON remote_tickets (connector, polled_at) WHERE over = 0;
