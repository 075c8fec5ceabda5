-- Webhooks: matters by the partner's own number, attachments that are still to be fetched, posts that were refused. The twin
-- stands in ../postgres.

-- What a partner's posts of one matter have in common, and the ticket they go to.
CREATE TABLE threads (
    source TEXT NOT NULL,                   -- hook:NAME
    key TEXT NOT NULL,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) STRICT;
CREATE INDEX threads_by_ticket ON threads (ticket_id);

-- Attachments by URL; written with the ticket, fetched afterwards.
CREATE TABLE fetches (
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    position INTEGER NOT NULL,              -- in the request's attachments
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    url TEXT NOT NULL,
    state TEXT NOT NULL,                    -- waiting, fetched, failed
    media_type TEXT,
    content BLOB,
    because TEXT,                           -- why it failed, last
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (submission_id, position)
) STRICT;
CREATE INDEX fetches_due ON fetches (due_at) WHERE state = 'waiting';
CREATE INDEX fetches_by_ticket ON fetches (ticket_id);

-- Posts that were refused, the newest of each source; the body only of those that were signed.
CREATE TABLE refusals (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    source TEXT NOT NULL,                   -- hook:NAME
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,                -- of the answer
    because TEXT NOT NULL,
    source_key TEXT,
    content_type TEXT,
    body BLOB
) STRICT;
CREATE INDEX refusals_by_source ON refusals (source, id);

-- The deliveries of a source, newest first, and the keys that are old enough to be freed.
CREATE INDEX submissions_with_key ON submissions (source, id) WHERE source_key IS NOT NULL;
