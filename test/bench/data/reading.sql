-- Readings of :rows / :size sensors.
CREATE TABLE reading (id bigserial PRIMARY KEY, sensor int NOT NULL, value int NOT NULL);
INSERT INTO reading (sensor, value)
    SELECT i % (:rows / :size), i::bigint * 7919 % 1000000 FROM generate_series(1, :rows) i;
CREATE INDEX ON reading (sensor, value);
