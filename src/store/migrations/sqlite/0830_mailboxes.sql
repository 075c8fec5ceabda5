-- Which process reads a mailbox, and the tokens that it signs in with. The twin stands in ../postgres.

CREATE TABLE leases (
    name TEXT PRIMARY KEY,                  -- imap:NAME
    holder TEXT NOT NULL,                   -- the process
    held_until INTEGER NOT NULL              -- unix ms, by the database's clock
) STRICT;

CREATE TABLE tokens (
    name TEXT PRIMARY KEY,                  -- imap:NAME
    sealed BLOB NOT NULL,                   -- AES-256-GCM under a key out of the secret's file
    good_until INTEGER NOT NULL,             -- unix ms
    updated_at INTEGER NOT NULL
) STRICT;
