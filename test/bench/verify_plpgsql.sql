SELECT (SELECT count(*) FROM (SELECT * FROM per_group EXCEPT ALL SELECT g, count(*), sum(v) FROM acct GROUP BY g) a)
     + (SELECT count(*) FROM (SELECT g, count(*), sum(v) FROM acct GROUP BY g EXCEPT ALL SELECT * FROM per_group) b)
     + abs((SELECT count(*) FROM joined) - (SELECT count(*) FROM orders));
