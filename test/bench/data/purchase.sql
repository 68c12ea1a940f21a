-- Purchases of :groups customers, as an application has them: a row of ordinary width, an index for each look-up.
CREATE TABLE purchase (id bigserial PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, amount int NOT NULL,
    created_at timestamptz NOT NULL, note text NOT NULL);
INSERT INTO purchase (customer_id, status, amount, created_at, note)
    SELECT 1 + i % :groups, (ARRAY['open', 'paid', 'sent', 'done'])[1 + i % 4], i % 500, timestamptz '2026-01-01' + i * interval '7 seconds',
           'purchase ' || i || ' of customer ' || 1 + i % :groups FROM generate_series(1, :rows) i;
CREATE INDEX ON purchase (customer_id);
CREATE INDEX ON purchase (created_at);
