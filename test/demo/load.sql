SET client_min_messages = warning;
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE threads (id int PRIMARY KEY, title text NOT NULL, owner_id int NOT NULL REFERENCES users, archived boolean NOT NULL DEFAULT false);
CREATE TABLE comments (id bigserial PRIMARY KEY, thread_id int NOT NULL, user_id int NOT NULL, created timestamp NOT NULL, length int NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, user_id int NOT NULL, amount int NOT NULL, status text NOT NULL);
SELECT setseed(0.5) \g /dev/null
INSERT INTO users SELECT i, 'user ' || i, (ARRAY['AT', 'BR', 'CN', 'DE', 'FR', 'IN', 'JP', 'KE', 'NZ', 'US'])[1 + i % 10] FROM generate_series(1, 50000) i;
INSERT INTO threads SELECT i, 'thread ' || i, 1 + i % 50000, i % 20 = 0 FROM generate_series(1, 100000) i;
INSERT INTO comments (thread_id, user_id, created, length)
    SELECT 1 + floor(100000 * random() ^ 3)::int % 100000, 1 + floor(50000 * random())::int % 50000, timestamp '2024-01-01' + i * interval '20 seconds', (random() * 500)::int
    FROM generate_series(1, 750000) i;
INSERT INTO orders (user_id, amount, status)
    SELECT 1 + floor(50000 * random())::int % 50000, 1 + (random() * 200)::int, (ARRAY['paid', 'paid', 'paid', 'open', 'void'])[1 + i % 5]
    FROM generate_series(1, 150000) i;
CREATE INDEX ON comments (thread_id);
CREATE INDEX ON comments (user_id);
CREATE INDEX ON orders (user_id);
VACUUM ANALYZE;
