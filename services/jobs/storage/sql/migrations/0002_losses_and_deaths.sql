-- migrate:up
SET lock_timeout = '5s';

-- `republished` numbers the publications of an attempt; these count why there was another one, each
-- for its own end: an image that the broker lost has not been tried by any worker for that.
ALTER TABLE images
    -- How often the broker had lost the task of this attempt.
    ADD COLUMN losses integer NOT NULL DEFAULT 0,
    -- How often all deliveries of a task of this attempt ended without an answer.
    ADD COLUMN deaths integer NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE images DROP COLUMN losses, DROP COLUMN deaths;
