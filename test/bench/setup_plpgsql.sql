-- What a careful programmer writes by hand for the same two summaries.
CREATE TABLE per_group (g int PRIMARY KEY, n bigint NOT NULL, s bigint) WITH (fillfactor = 70);
INSERT INTO per_group SELECT g, count(*), sum(v) FROM acct GROUP BY g;
ALTER TABLE per_group SET (fillfactor = 100);
CREATE FUNCTION maintain_per_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.g = NEW.g THEN
        UPDATE per_group SET s = s + NEW.v - OLD.v WHERE g = NEW.g;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE per_group SET n = n - 1, s = s - OLD.v WHERE g = OLD.g;
        DELETE FROM per_group WHERE g = OLD.g AND n = 0;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO per_group VALUES (NEW.g, 1, NEW.v) ON CONFLICT (g) DO UPDATE SET n = per_group.n + 1, s = per_group.s + NEW.v;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER maintain_per_group AFTER INSERT OR UPDATE OR DELETE ON acct FOR EACH ROW EXECUTE FUNCTION maintain_per_group();

CREATE TABLE joined (id bigint PRIMARY KEY, name text, amount int);
INSERT INTO joined SELECT o.id, c.name, o.amount FROM orders o JOIN customer c ON c.id = o.customer_id;
CREATE FUNCTION maintain_joined() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM joined WHERE id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO joined SELECT NEW.id, c.name, NEW.amount FROM customer c WHERE c.id = NEW.customer_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER maintain_joined AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION maintain_joined();
