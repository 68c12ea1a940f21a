\set id random(1, :rows)
\set d random(1, 100)
UPDATE acct SET v = v + :d WHERE id = :id;
