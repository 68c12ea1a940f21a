\set thread random_zipfian(1, 100000, 1.1)
\set author random(1, 50000)
\set length random(1, 500)
INSERT INTO comments (thread_id, user_id, created, length) VALUES (:thread, :author, now(), :length);
