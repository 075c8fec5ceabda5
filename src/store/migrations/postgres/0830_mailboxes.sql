-- Which process reads a mailbox, and the tokens that it signs in with. The twin stands in ../sqlite.

CREATE TABLE leases (
    name TEXT PRIMARY KEY,                  -- imap:NAME
    holder TEXT NOT NULL,                   -- the process
    held_until BIGINT NOT NULL              -- unix ms, by the database's clock
);

CREATE TABLE tokens (
    name TEXT PRIMARY KEY,                  -- imap:NAME
    sealed BYTEA NOT NULL,                   -- AES-256-GCM under a key out of the secret's file
    good_until BIGINT NOT NULL,             -- unix ms
    updated_at BIGINT NOT NULL
);
