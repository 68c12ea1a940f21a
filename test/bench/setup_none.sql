-- No view: the ceiling.
SELECT 1;
