CREATE EXTENSION dbsp_ivm;
SELECT dbsp_ivm.create_view('per_group', 'SELECT g, count(*) AS n, sum(v) AS s FROM acct GROUP BY g');
SELECT dbsp_ivm.create_view('joined', 'SELECT o.id, c.name, o.amount FROM orders o JOIN customer c ON c.id = o.customer_id');
