SELECT (SELECT sum(comments) FROM thread_stats), (SELECT sum(total) FROM revenue),
    (SELECT title || ': ' || comments FROM busy_threads ORDER BY comments DESC, id LIMIT 1);
