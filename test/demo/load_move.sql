\set id random(1, 750000)
\set thread random(1, 100000)
\set archive random(1, 100000)
UPDATE comments SET thread_id = :thread WHERE id = :id;
UPDATE threads SET archived = NOT archived WHERE id = :archive;
