-- The desk's first schema. Times are unix milliseconds (INTEGER here, BIGINT there), JSON is TEXT; the PostgreSQL twin stands in ../postgres.
-- STRICT keeps SQLite from storing what PostgreSQL would refuse.

-- What came in, durable before it is acknowledged; outcome is NULL until the submission is settled.
CREATE TABLE submissions (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    source TEXT NOT NULL,                   -- the door: imap:NAME, lmtp, hook:NAME, form, file
    source_key TEXT,                        -- unique within the door: UIDVALIDITY/UID, delivery id, path
    kind TEXT NOT NULL,                     -- mail or hook
    raw BLOB NOT NULL,
    content_hash TEXT NOT NULL,             -- SHA-256 of raw, hex
    envelope TEXT NOT NULL,                 -- JSON: from, to, headers of a hook
    answerable INTEGER NOT NULL,             -- 0: older than the door's baseline, never answered
    received_at INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0, -- 1: flagged or moved on the server (IMAP)
    attempts INTEGER NOT NULL DEFAULT 0,     -- counted before parsing
    lease_until INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,        -- grows with every claim; a settle with an older one is refused
    outcome TEXT,                           -- ticket, appended, duplicate, automated, quarantined, rejected
    because TEXT,
    ticket_id INTEGER,
    settled_at INTEGER
) STRICT;
CREATE UNIQUE INDEX submissions_by_key ON submissions (source, source_key);
CREATE INDEX submissions_pending ON submissions (lease_until, id) WHERE outcome IS NULL;
CREATE INDEX submissions_by_outcome ON submissions (outcome, received_at);
CREATE INDEX submissions_unacknowledged ON submissions (source) WHERE acknowledged = 0;

CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    status TEXT NOT NULL,                   -- waiting, ready, open, solved, closed
    subject TEXT NOT NULL,
    requester_address TEXT NOT NULL,        -- lower case
    requester_name TEXT,
    language TEXT,
    source TEXT NOT NULL,
    campaign_status TEXT NOT NULL,
    campaign_id TEXT,
    topic TEXT NOT NULL,
    topic_chosen_by TEXT NOT NULL,
    priority TEXT NOT NULL,
    route TEXT NOT NULL,
    missing TEXT NOT NULL,                  -- JSON array
    flags TEXT NOT NULL,                    -- JSON array
    triage TEXT NOT NULL,                   -- JSON of the latest triage
    asked TEXT NOT NULL,                    -- JSON array: what the open question asked for
    offered TEXT NOT NULL,                  -- JSON array: campaign ids it offered
    questions INTEGER NOT NULL DEFAULT 0,    -- how many questions went out
    campaign_by_agent INTEGER NOT NULL DEFAULT 0,
    rules_version TEXT NOT NULL,
    linked_ticket INTEGER,                   -- a ticket this one seems to belong to, unproven
    version INTEGER NOT NULL DEFAULT 1,      -- grows with every change; changes name the version they saw
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_by_status ON tickets (status, updated_at);
CREATE INDEX tickets_by_requester ON tickets (requester_address, updated_at);
CREATE INDEX tickets_by_campaign ON tickets (campaign_id);
CREATE INDEX tickets_by_topic ON tickets (topic, updated_at);

-- The conversation of a ticket, in and out.
CREATE TABLE messages (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    submission_id TEXT UNIQUE REFERENCES submissions (id),
    direction TEXT NOT NULL,                -- in, out
    message_id TEXT,                        -- RFC 5322, without angle brackets
    fingerprint TEXT,                       -- identity of the content, see request::fingerprint
    from_address TEXT NOT NULL,
    request TEXT,                           -- JSON of the request (in)
    triage TEXT,                            -- JSON of the judgement over it (in)
    body TEXT,                              -- the text sent (out)
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_ticket ON messages (ticket_id, created_at);
CREATE INDEX messages_by_message_id ON messages (message_id);
CREATE INDEX messages_by_fingerprint ON messages (fingerprint) WHERE message_id IS NULL;

-- What is to be sent; written in the transaction of the ticket change that causes it.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    kind TEXT NOT NULL,                     -- mail, post
    reason TEXT NOT NULL,                   -- question, acknowledgement, team, reminder, event
    recipient TEXT NOT NULL,                -- address, or URL of a post
    recipient_domain TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,        -- one for ever
    payload TEXT NOT NULL,                  -- JSON: headers, subject, text, html
    state TEXT NOT NULL,                    -- queued, draft, held, sent, dead, dropped
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE state = 'queued';
CREATE INDEX outbox_by_ticket ON outbox (ticket_id);
-- Budgets count automatic replies, not what goes to the team or to other systems.
CREATE INDEX outbox_budget_address ON outbox (recipient, created_at) WHERE reason NOT IN ('team', 'event');
CREATE INDEX outbox_budget_domain ON outbox (recipient_domain, created_at) WHERE reason NOT IN ('team', 'event');
CREATE INDEX outbox_budget_desk ON outbox (created_at) WHERE reason NOT IN ('team', 'event');

-- What happened to a ticket, for people: status moves, withheld replies with their reason, agents' acts.
CREATE TABLE events (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,                    -- desk, customer, or agent:NAME
    what TEXT NOT NULL,                     -- created, answered, asked, withheld, topic, campaign, status, bounced, …
    detail TEXT NOT NULL                    -- JSON
) STRICT;
CREATE INDEX events_by_ticket ON events (ticket_id, at);

CREATE TABLE campaigns (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    account TEXT NOT NULL,
    contacts TEXT NOT NULL,                 -- JSON array
    status TEXT,
    aliases TEXT NOT NULL                   -- JSON array
) STRICT;

-- How far each door has read.
CREATE TABLE cursors (
    source TEXT NOT NULL,                   -- imap:NAME
    mailbox TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    baseline_at INTEGER NOT NULL,            -- first connect; older mail is not answered
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (source, mailbox)
) STRICT;

CREATE TABLE agents (
    name TEXT PRIMARY KEY,                  -- sign-in name
    address TEXT NOT NULL,
    password_hash TEXT,                     -- argon2id PHC string; NULL: sign-in link only
    created_at INTEGER NOT NULL
) STRICT;

-- Sign-ins and one-time links; tokens are stored as SHA-256 only.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    agent TEXT NOT NULL REFERENCES agents (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,                     -- session, link, api
    csrf TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Corrections by agents: what rules may learn from.
CREATE TABLE feedback (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    field TEXT NOT NULL,                    -- topic, campaign, status
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    agent TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Addresses that bounced.
CREATE TABLE bounced (
    address TEXT PRIMARY KEY,
    status TEXT,
    at INTEGER NOT NULL
) STRICT;
