-- What a waiting ticket waits for, and the breaker of automatic replies. The twin stands in ../sqlite.

-- When the desk acts next on a waiting ticket (unix ms): reminds, or hands over once it has reminded. NULL: never.
ALTER TABLE tickets ADD COLUMN chase_at BIGINT;
ALTER TABLE tickets ADD COLUMN reminded BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tickets_to_chase ON tickets (chase_at, id) WHERE status = 'waiting' AND chase_at IS NOT NULL;
CREATE INDEX outbox_by_state ON outbox (state, created_at);

-- The breaker: at most one row; there while it holds back automatic replies, and after.
CREATE TABLE breaker (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    tripped_at BIGINT NOT NULL,
    holds_until BIGINT NOT NULL,                -- unix ms
    because TEXT NOT NULL
);
