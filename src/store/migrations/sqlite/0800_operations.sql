-- What people did that is about no ticket, and a way to what they did on tickets. The twin stands in ../postgres.

CREATE TABLE acts (
    id TEXT PRIMARY KEY,                    -- UUIDv7
    at INTEGER NOT NULL,                     -- unix ms
    actor TEXT NOT NULL,                    -- agent:NAME, or operator (the command line)
    what TEXT NOT NULL,                     -- replayed, dropped, campaigns_replaced, agent_added, erased, …
    about TEXT NOT NULL,                    -- what it was done to
    detail TEXT NOT NULL                    -- JSON
) STRICT;
CREATE INDEX acts_by_time ON acts (at);
CREATE INDEX events_by_people ON events (at) WHERE actor <> 'desk' AND actor <> 'customer';

-- What must be found when a ticket is erased.
CREATE INDEX tickets_linked ON tickets (linked_ticket) WHERE linked_ticket IS NOT NULL;
CREATE INDEX submissions_beside ON submissions (ticket_id) WHERE outcome NOT IN ('ticket', 'appended');
