"""Random schemas, views of the supported subset, and transactions."""

from case import Case, View

TYPES = ("int", "bigint", "numeric", "float8", "text", "bool", "date", "timestamp", "numeric(8,2)")
SUMMABLE = ("int", "bigint", "numeric", "float8")
ORDERED = ("int", "bigint", "numeric", "float8", "text", "date", "timestamp")
# Types with values that are equal and look different: as a key or an extreme, any of them may be shown.
AMBIGUOUS = ("numeric", "float8")


class Table:
    """A base table: its columns are (name, type); key is the name of its primary key, or None.

    A partitioned one has k in its key, too; ON CONFLICT cannot move a row there."""

    def __init__(self, name, columns, key, partitioned=False):
        self.name = name
        self.columns = columns
        self.key = key
        self.partitioned = partitioned


class Partition:
    """A partition that can be attached and detached; leaf: it is no partitioned table itself."""

    def __init__(self, parent, name, bound, leaf):
        self.parent = parent
        self.name = name
        self.bound = bound
        self.leaf = leaf


class Generator:
    def __init__(self, random):
        self.random = random
        self.tables = []
        self.partitions = []
        self.plain_views = []       # (name, columns, loose)
        self.serial = 0
        self.next_id = 1000
        self.loose = False
        self.view_names = []
        self.queries = {}           # of the views, by name

    # ---- values and schemas ----

    def chance(self, probability):
        return self.random.random() < probability

    def literal(self, kind, null=0.12):
        r = self.random
        if self.chance(null):
            return "NULL"
        kind = kind.split("(")[0]
        if kind == "int":
            return str(r.choice((0, 1, 2, 3, 4, 5, 7, 10, -1, r.randint(-50, 50))))
        if kind == "bigint":
            # The last three have the hashes of 1, 0 and 3.
            return str(r.choice((0, 1, 2, 3, 5000000000, -7, r.randint(0, 9), 4294967296, 4294967297, 4294967298)))
        if kind == "numeric":
            return r.choice(("0", "1", "1.0", "1.00", "2.5", "2.50", "-3.125", "10", "%d.%d" % (r.randint(0, 9), r.randint(0, 99))))
        if kind == "float8":
            value = r.choice(("0", "-0", "0.1", "0.2", "0.30000000000000004", "1e15", "-1e15", "3.5", "1e-9", str(r.randint(0, 9))))
            return value if self.chance(0.97) else "'NaN'"
        if kind == "text":
            return r.choice(("''", "'a'", "'b'", "'B'", "'ab'", "'c'", "'zz'", "'é'", "'x'", "repeat('w', 3000)" if self.chance(0.05) else "'y'"))
        if kind == "bool":
            return r.choice(("true", "false"))
        if kind == "date":
            return "'2024-01-%02d'" % r.randint(1, 9)
        return "'2024-01-%02d 0%d:00'" % (r.randint(1, 3), r.randint(0, 3))

    def typed_literal(self, kind):
        return "(%s)::%s" % (self.literal(kind, 0.05), kind)

    def create_tables(self):
        statements = []
        for number in range(self.random.randint(2, 4)):
            name = "t%d" % number
            key = "id" if self.chance(0.7) else None
            columns = [("id", "int")] if key or self.chance(0.5) else []
            columns += [("k", "bigint" if self.chance(0.4) else "int")]
            for i in range(self.random.randint(1, 4)):
                columns.append(("abcdefg"[i] + str(number), self.random.choice(TYPES)))
            partitioned = self.chance(0.3)
            table = Table(name, columns, key, partitioned)
            self.tables.append(table)
            if partitioned:
                statements += self.create_partitioned(table)
                continue
            parts = []
            for column, kind in columns:
                extra = " PRIMARY KEY" if column == key else " NOT NULL" if self.chance(0.15) and column == "k" else ""
                parts.append("%s %s%s" % (column, kind, extra))
            statements.append("CREATE TABLE %s (%s)" % (name, ", ".join(parts)))
            statements += self.create_indexes(table)
            if self.chance(0.15):
                statements.append("ALTER TABLE %s ADD COLUMN gone int DEFAULT 3" % name)
                statements.append("ALTER TABLE %s DROP COLUMN gone" % name)
            for _ in range(self.random.randint(0, 3)):
                statements.append(self.insert_values(table, self.random.randint(1, 7)))
        return [s + " ON CONFLICT DO NOTHING" if s.startswith("INSERT") else s for s in statements]

    def create_indexes(self, table):
        statements = ["CREATE INDEX ON %s %s(k)" % (table.name, "USING hash " if self.chance(0.3) else "")] if self.chance(0.6) else []
        for column, kind in table.columns:
            if kind in ("bigint", "text", "int") and self.chance(0.2):
                statements.append("CREATE INDEX ON %s USING hash (%s)" % (table.name, column))
        return statements

    def bounds(self, nullable):
        """
        How k is partitioned: (strategy, bounds, the one for the rest or None).

        PostgreSQL 15 attaches a partition for NULL and other values over rows of the default partition that
        belong into it.
        """
        strategy = self.random.choice(("RANGE", "LIST", "HASH"))
        rest = "DEFAULT" if self.chance(0.85) else None
        if strategy == "RANGE":
            return strategy, ["FOR VALUES FROM (MINVALUE) TO (2)", "FOR VALUES FROM (2) TO (5)", "FOR VALUES FROM (5) TO (MAXVALUE)"], rest
        if strategy == "LIST":
            null = ", NULL" if nullable and not rest else ""
            return strategy, ["FOR VALUES IN (0, 1)", "FOR VALUES IN (2, 3%s)" % null, "FOR VALUES IN (4, 5, 6)"], rest
        return strategy, ["FOR VALUES WITH (MODULUS 3, REMAINDER %d)" % i for i in range(3)], None

    def create_partition(self, table, parent, name, bound, tail=""):
        """A partition, made as such, or with its columns in another order and one dropped."""
        if self.chance(0.5):
            return ["CREATE TABLE %s PARTITION OF %s %s%s" % (name, parent, bound, tail)]
        parts = ["%s %s%s" % (column, kind, " NOT NULL" if table.key and column in ("id", "k") else "") for column, kind in table.columns]
        parts.append("gone int")
        self.random.shuffle(parts)
        return ["CREATE TABLE %s (%s)%s" % (name, ", ".join(parts), tail), "ALTER TABLE %s DROP COLUMN gone" % name,
                "ALTER TABLE %s ATTACH PARTITION %s %s" % (parent, name, bound)]

    def create_partitioned(self, table):
        strategy, bounds, rest = self.bounds(not table.key)
        parts = ["%s %s" % column for column in table.columns] + (["PRIMARY KEY (id, k)"] if table.key else [])
        statements = ["CREATE TABLE %s (%s) PARTITION BY %s (k)" % (table.name, ", ".join(parts), strategy)]
        for number, bound in enumerate(bounds + ([rest] if rest else [])):
            name = "%s_p%d" % (table.name, number)
            leaf = number != 1 or self.chance(0.6)
            statements += self.create_partition(table, table.name, name, bound, "" if leaf else " PARTITION BY HASH (k)")
            self.partitions.append(Partition(table.name, name, bound, leaf))
            for sub in range(0 if leaf else 2):
                bound = "FOR VALUES WITH (MODULUS 2, REMAINDER %d)" % sub
                statements += self.create_partition(table, name, "%s_%d" % (name, sub), bound)
                self.partitions.append(Partition(name, "%s_%d" % (name, sub), bound, True))
        statements += self.create_indexes(table)
        statements += [self.insert_values(table, self.random.randint(1, 7)) for _ in range(self.random.randint(0, 3))]
        for partition in self.partitions:
            if partition.name.startswith(table.name + "_") and self.chance(0.2):
                self.tables.append(Table(partition.name, table.columns, None))
        return statements

    def partition_statement(self):
        """Whether a partition is attached depends on what was rolled back: the statement looks."""
        partition = self.random.choice(self.partitions)
        roll = self.random.random()
        if roll < 0.15:
            return "TRUNCATE %s" % partition.name
        if roll < 0.35 and partition.leaf:
            return "DO $do$ BEGIN DROP TABLE %s; CREATE TABLE %s PARTITION OF %s %s; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $do$" % (
                partition.name, partition.name, partition.parent, partition.bound)
        return "DO $do$ BEGIN IF (SELECT relispartition FROM pg_class WHERE oid = '%s'::regclass) THEN ALTER TABLE %s DETACH PARTITION %s; " \
            "ELSE ALTER TABLE %s ATTACH PARTITION %s %s; END IF; EXCEPTION WHEN check_violation THEN NULL; END $do$" % (
                partition.name, partition.parent, partition.name, partition.parent, partition.name, partition.bound)

    # ---- expressions over columns: a list of (sql, type) ----

    def columns_of(self, columns, kinds):
        return [sql for sql, kind in columns if kind.split("(")[0] in kinds]

    def expression(self, kind, columns, depth=2):
        kind = kind.split("(")[0]
        r = self.random
        own = self.columns_of(columns, (kind,))
        if own and self.chance(0.6):
            return r.choice(own)
        if depth <= 0:
            return r.choice(own) if own else self.typed_literal(kind)
        sub = lambda k: self.expression(k, columns, depth - 1)
        common = [
            lambda: "coalesce(%s, %s)" % (sub(kind), self.typed_literal(kind)),
            lambda: "CASE WHEN %s THEN %s ELSE %s END" % (self.predicate(columns, depth - 1), sub(kind), sub(kind)),
            lambda: "nullif(%s, %s)" % (sub(kind), self.typed_literal(kind)),
        ]
        special = {
            "int": [lambda: "(%s + %s)" % (sub("int"), r.randint(1, 5)), lambda: "(%s %% %d)" % (sub("int"), r.randint(2, 5)),
                    lambda: "length(%s)" % sub("text"), lambda: "abs(%s)" % sub("int"), lambda: "(%s - %s)" % (sub("date"), sub("date"))],
            "bigint": [lambda: "(%s + 1)" % sub("bigint"), lambda: "%s::bigint" % sub("int"), lambda: "(%s %% 3)" % sub("bigint")],
            "numeric": [lambda: "(%s + %s)" % (sub("numeric"), sub("numeric")), lambda: "%s::numeric" % sub("int"),
                        lambda: "round(%s, 1)" % sub("numeric"), lambda: "(%s * 2)" % sub("numeric")],
            "float8": [lambda: "%s::float8" % sub("int"), lambda: "(%s / 2)" % sub("float8")],
            "text": [lambda: "(%s || %s)" % (sub("text"), self.literal("text", 0)), lambda: "upper(%s)" % sub("text"),
                     lambda: "%s::text" % sub("int"), lambda: "substr(%s, 1, 1)" % sub("text")],
            "bool": [lambda: self.predicate(columns, depth - 1)],
            "date": [lambda: "(%s + %d)" % (sub("date"), r.randint(1, 3))],
            "timestamp": [lambda: "date_trunc('day', %s)" % sub("timestamp"), lambda: "(%s + interval '1 hour')" % sub("timestamp")],
        }[kind]
        return r.choice(common + special * 3)()

    def predicate(self, columns, depth=1):
        r = self.random
        if depth > 0 and self.chance(0.35):
            return "(%s %s %s)" % (self.predicate(columns, depth - 1), r.choice(("AND", "OR")), self.predicate(columns, depth - 1))
        sql, kind = r.choice(columns)
        kind = kind.split("(")[0]
        if kind == "bool":
            return r.choice(("%s", "NOT %s", "%s IS NOT TRUE", "%s IS NULL")) % sql
        if kind == "text" and self.chance(0.2):
            return "%s LIKE %s" % (sql, r.choice(("'a%'", "'%b'", "'_'")))
        choice = r.random()
        if choice < 0.15:
            return "%s IS %sNULL" % (sql, r.choice(("", "NOT ")))
        if choice < 0.25:
            return "%s IS DISTINCT FROM %s" % (sql, self.typed_literal(kind))
        if choice < 0.35:
            return "%s IN (%s, %s)" % (sql, self.typed_literal(kind), self.typed_literal(kind))
        other = self.columns_of(columns, (kind,))
        right = r.choice(other) if self.chance(0.3) else self.typed_literal(kind)
        return "%s %s %s" % (sql, r.choice(("=", "<>", "<", ">", "<=", ">=")), right)

    # ---- queries ----

    def alias(self):
        self.serial += 1
        return "q%d" % self.serial

    def source(self, depth):
        """A FROM item: (sql, alias, columns as (name, type))."""
        alias = self.alias()
        if depth > 0 and self.chance(0.35):
            sql, columns = self.query(depth - 1)
            return "(%s) AS %s" % (sql, alias), alias, columns
        if self.plain_views and self.chance(0.15):
            name, columns, loose = self.random.choice(self.plain_views)
            self.loose |= loose
            return "%s AS %s" % (name, alias), alias, columns
        table = self.random.choice(self.tables)
        return "%s AS %s" % (table.name, alias), alias, table.columns

    def join_condition(self, left, right):
        """left and right: (sql, type).  Mostly an equality."""
        pairs = [(a, b) for a, ka in left for b, kb in right if ka.split("(")[0] == kb.split("(")[0] or {ka, kb} <= {"int", "bigint"}]
        if not pairs:
            return None
        likely = [(a, b) for a, b in pairs if a.endswith((".k", ".id")) and b.endswith((".k", ".id"))]
        a, b = self.random.choice(likely if likely and self.chance(0.7) else pairs)
        roll = self.random.random()
        if roll < 0.9:
            return "%s = %s" % (a, b)
        if roll < 0.95:
            return "%s < %s AND %s = %s" % (a, b, *self.random.choice(pairs))
        return "%s <> %s" % (a, b)

    def from_clause(self, depth):
        """Returns (sql, where conditions, columns as (qualified sql, type))."""
        count = self.random.choices((1, 2, 3, 4), (50, 36, 11, 3))[0]
        sql, alias, columns = self.source(depth)
        scope = [("%s.%s" % (alias, name), kind) for name, kind in columns]
        where = []
        joins = commas = False
        for _ in range(count - 1):
            item, alias, columns = self.source(depth)
            more = [("%s.%s" % (alias, name), kind) for name, kind in columns]
            condition = self.join_condition(scope, more)
            if condition is None:
                continue
            # An ON after a comma sees only what follows the comma.
            if commas or self.chance(0.3):
                comma = not joins and self.chance(0.5)
                sql = ("%s, %s" if comma else "%s CROSS JOIN %s") % (sql, item)
                commas |= comma
                joins |= not comma
                where.append(condition)
            else:
                extra = " AND " + self.predicate(scope + more, 0) if self.chance(0.2) else ""
                sql = "%s JOIN %s ON %s%s" % (sql, item, condition, extra)
                joins = True
            scope += more
        return sql, where, scope

    def aggregate(self, scope):
        """One aggregate call: (sql, type)."""
        r = self.random
        roll = r.random()
        condition = " FILTER (WHERE %s)" % self.predicate(scope) if self.chance(0.15) else ""
        if roll < 0.2:
            return "count(*)" + condition, "bigint"
        if roll < 0.3:
            return "count(%s)%s" % (r.choice(scope)[0], condition), "bigint"
        if roll < 0.6:
            kind = r.choice(SUMMABLE[:3] if self.chance(0.8) else SUMMABLE)
            function = r.choice(("sum", "sum", "avg", "variance", "stddev_pop"))
            self.loose |= kind == "float8"
            argument = self.expression(kind, scope, 1)
            if function == "sum":
                return "sum(%s)%s" % (argument, condition), {"int": "bigint", "bigint": "numeric"}.get(kind, kind)
            return "%s(%s)%s" % (function, argument, condition), "float8" if kind == "float8" else "numeric"
        if roll < 0.92:
            kind = r.choice(ORDERED)
            self.loose |= kind in AMBIGUOUS
            return "%s(%s)%s" % (r.choice(("min", "max")), self.expression(kind, scope, 1), condition), kind
        return "%s(%s)%s" % (r.choice(("bool_and", "bool_or", "every")), self.expression("bool", scope, 1), condition), "bool"

    def over_aggregate(self, scope):
        sql, kind = self.aggregate(scope)
        if self.chance(0.2) and kind in ("bigint", "numeric"):
            return "coalesce(%s, 0) + %s" % (sql, self.random.randint(1, 3)), kind
        return sql, kind

    def query(self, depth):
        """Returns (sql, columns as (name, type))."""
        r = self.random
        if depth > 0 and self.chance(0.1):
            return self.union(depth)
        clause, where, scope = self.from_clause(depth)
        if self.chance(0.45):
            where.append(self.predicate(scope))
        tail = " WHERE " + " AND ".join(where) if where else ""
        outputs = []
        roll = r.random()
        prefix = "SELECT "
        if roll < 0.45:
            for _ in range(r.randint(1, 4)):
                kind = r.choice(scope)[1].split("(")[0]
                outputs.append((self.expression(kind, scope), kind))
            if self.chance(0.4):
                outputs.insert(0, r.choice(scope))
        elif roll < 0.6:
            prefix = "SELECT DISTINCT "
            for _ in range(r.randint(1, 3)):
                sql, kind = r.choice(scope)
                self.loose |= kind in AMBIGUOUS
                outputs.append((self.expression(kind, scope, 1) if self.chance(0.2) else sql, kind))
        elif roll < 0.9:
            keys = []
            for _ in range(r.randint(1, 2)):
                sql, kind = r.choice(scope)
                self.loose |= kind in AMBIGUOUS
                keys.append((self.expression(kind, scope, 1) if self.chance(0.2) else sql, kind))
            keys = [key for key in keys if not key[0].startswith(("'", "NULL")) and "::" not in key[0].split("(")[0]]
            keys = keys or [scope[0]]
            if keys[0][1] in AMBIGUOUS:
                self.loose = True
            outputs = [key for key in keys if self.chance(0.8)]
            for _ in range(r.randint(0 if outputs else 1, 4)):
                outputs.append(self.over_aggregate(scope))
            if not outputs:
                outputs = keys[:1]
            tail += " GROUP BY " + ", ".join(key[0] for key in keys)
            if self.chance(0.3):
                tail += " HAVING " + r.choice(("count(*) > 1", "count(*) % 2 = 0", "%s IS NOT NULL" % self.aggregate(scope)[0],
                                               "sum(%s) > 3" % self.expression("int", scope, 1)))
        else:
            for _ in range(r.randint(1, 4)):
                outputs.append(self.over_aggregate(scope))
            if self.chance(0.15):
                tail += " HAVING count(*) > %d" % r.randint(0, 5)
        columns = [("c%d" % i, kind.split("(")[0] if kind.startswith("numeric") else kind) for i, (_, kind) in enumerate(outputs)]
        sql = prefix + ", ".join("%s AS c%d" % (sql, i) for i, (sql, _) in enumerate(outputs)) + " FROM " + clause + tail
        if depth > 1 and self.chance(0.1):
            name = self.alias()
            return "WITH %s AS (%s) SELECT %s FROM %s" % (name, sql, ", ".join(n for n, _ in columns), name), columns
        return sql, columns

    def union(self, depth):
        """UNION ALL of queries with the same types."""
        kinds = [self.random.choice(("int", "bigint", "numeric", "text", "date")) for _ in range(self.random.randint(1, 3))]
        branches = []
        for _ in range(self.random.randint(2, 3)):
            clause, where, scope = self.from_clause(depth - 1)
            if self.chance(0.5):
                where.append(self.predicate(scope))
            branches.append("SELECT " + ", ".join("%s AS c%d" % (self.expression(kind, scope), i) for i, kind in enumerate(kinds))
                            + " FROM " + clause + (" WHERE " + " AND ".join(where) if where else ""))
        return " UNION ALL ".join(branches), [("c%d" % i, kind) for i, kind in enumerate(kinds)]

    # ---- families of views that differ in constants ----

    def equality(self, column, kind):
        """A condition that column is one constant, or one of a few."""
        r = self.random
        value = lambda: str(r.randint(0, 6)) if column.endswith(".k") else self.typed_literal(kind)
        if kind == "bool" and self.chance(0.7):
            return r.choice(("%s", "NOT %s")) % column
        roll = r.random()
        if roll < 0.12:
            return "%s IN (%s)" % (column, ", ".join(value() for _ in range(r.randint(1, 4))))
        if roll < 0.2 and kind == "int":
            return "%s = %s::bigint" % (column, value())
        return ("%s = %s" % (column, value())) if self.chance(0.8) else "%s = %s" % (value(), column)

    def conditions(self, columns, extra):
        """columns: (qualified name, type) that are compared with constants; extra: other conjuncts."""
        parts = [self.equality(*column) for column in columns] + extra
        self.random.shuffle(parts)
        return " AND ".join(parts)

    def family_member(self, shape, table, other, columns, extra):
        r = self.random
        scope = [("a.%s" % name, kind) for name, kind in table.columns]
        names = [name for name, _ in scope]
        condition = self.conditions(columns, extra)
        if shape == "rows":
            return "SELECT %s FROM %s AS a WHERE %s" % (", ".join(names), table.name, condition)
        if shape == "groups":
            return "SELECT a.k, count(*) AS n, max(a.k) AS hi FROM %s AS a WHERE %s GROUP BY a.k" % (table.name, condition)
        if shape == "total":
            return "SELECT count(*) AS n, sum(a.k) AS s FROM %s AS a WHERE %s" % (table.name, condition)
        if shape == "distinct":
            return "SELECT DISTINCT a.k FROM %s AS a WHERE %s" % (table.name, condition)
        if shape == "join":
            return "SELECT %s, b.k AS bk FROM %s AS a JOIN %s AS b ON a.k = b.k WHERE %s" % (
                ", ".join("%s AS c%d" % (name, i) for i, name in enumerate(names)), table.name, other.name, condition)
        if shape == "self":
            return "SELECT a.k AS x, b.k AS y FROM %s AS a JOIN %s AS b ON a.k = b.k WHERE %s AND %s" % (
                table.name, table.name, condition, self.equality("b.k", "int"))
        if shape == "union":
            return "SELECT a.k AS c FROM %s AS a WHERE %s UNION ALL SELECT a.k FROM %s AS a WHERE %s" % (
                table.name, condition, r.choice((table, other)).name, self.equality("a.k", "int"))
        return "SELECT a.* FROM (SELECT %s FROM %s) AS a WHERE %s" % (
            ", ".join(name for name, _ in table.columns), table.name, condition)

    def family(self, count):
        """Queries over one table that compare the same columns with different constants."""
        table = self.random.choice(self.tables)
        other = self.random.choice(self.tables)
        shape = self.random.choice(("rows", "rows", "groups", "total", "distinct", "join", "self", "union", "outer"))
        scope = [("a.%s" % name, kind) for name, kind in table.columns if name != "id"]
        columns = [("a.k", "int")] if self.chance(0.6) else self.random.sample(scope, min(len(scope), self.random.randint(1, 2)))
        extra = [self.predicate(scope, 1)] if self.chance(0.3) else []
        return [self.family_member(shape, table, other, columns, extra) for _ in range(count)]

    # ---- changes ----

    def key_value(self, fresh):
        if fresh:
            self.next_id += 1
            return str(self.next_id)
        return str(self.random.randint(0, 30))

    def k_value(self, kind):
        if kind == "bigint" and self.chance(0.15):
            return self.random.choice(("4294967296", "4294967297", "4294967298"))
        return str(self.random.randint(0, 6))

    def row(self, table, fresh=False):
        values = []
        for name, kind in table.columns:
            if name == "id":
                values.append(self.key_value(fresh or (table.key and self.chance(0.5))))
            elif name == "k":
                values.append(self.k_value(kind) if self.chance(0.95) else "NULL")
            else:
                values.append(self.literal(kind))
        return values

    def insert_values(self, table, count):
        rows = ", ".join("(%s)" % ", ".join(self.row(table)) for _ in range(count))
        return "INSERT INTO %s (%s) VALUES %s" % (table.name, ", ".join(name for name, _ in table.columns), rows)

    def where(self, table, name=None):
        scope = [("%s.%s" % (name or table.name, column), kind) for column, kind in table.columns]
        return self.predicate(scope)

    def assignments(self, table, scope):
        parts = []
        names = [c for c in table.columns if c[0] != "id" or self.chance(0.15)]
        for column, kind in self.random.sample(names, self.random.randint(1, max(1, len(names) - 1))):
            if column == "id":
                parts.append("id = %s.id + %d" % (table.name, 1000 * self.random.randint(1, 9)))
            elif column == "k":
                parts.append("k = %d" % self.random.randint(0, 6))
            elif self.chance(0.5):
                parts.append("%s = %s" % (column, self.literal(kind)))
            else:
                parts.append("%s = %s" % (column, self.expression(kind, scope, 1)))
        return ", ".join(parts)

    def statement(self):
        r = self.random
        if self.partitions and self.chance(0.08):
            return self.partition_statement()
        table = r.choice(self.tables)
        other = r.choice(self.tables)
        scope = [("%s.%s" % (table.name, column), kind) for column, kind in table.columns]
        names = ", ".join(column for column, _ in table.columns)
        roll = r.random()
        if roll < 0.22:
            return self.insert_values(table, r.choice((1, 1, 2, 5)))
        if roll < 0.45:
            return "UPDATE %s SET %s WHERE %s" % (table.name, self.assignments(table, scope), self.where(table))
        if roll < 0.60:
            return "DELETE FROM %s WHERE %s AND %s" % (table.name, self.where(table), self.where(table))
        if roll < 0.64:
            return "UPDATE %s SET %s" % (table.name, self.assignments(table, scope))
        if roll < 0.68 and table.key:
            update = "DO NOTHING"
            if self.chance(0.7):
                column = table.columns[-1][0] if table.partitioned else "k"
                update = "DO UPDATE SET %s = EXCLUDED.%s" % (column, column)
            rows = {}
            for _ in range(r.randint(1, 4)):
                values = self.row(table)
                rows[values[0]] = "(%s)" % ", ".join(values)
            return "INSERT INTO %s (%s) VALUES %s ON CONFLICT (%s) %s" % (
                table.name, names, ", ".join(rows.values()), "id, k" if table.partitioned else "id", update)
        if roll < 0.72:
            rows = [self.row(table, fresh=bool(table.key)) for _ in range(r.randint(1, 4))]
            lines = ["\t".join("\\N" if v == "NULL" else v.strip("'") for v in row) for row in rows if not any("repeat" in v for v in row)]
            return "COPY %s (%s) FROM stdin\n%s" % (table.name, names, "".join(line + "\n" for line in lines))
        if roll < 0.76:
            return "UPDATE %s SET %s FROM %s AS o WHERE %s.k = o.k AND %s" % (
                table.name, self.assignments(table, scope), other.name, table.name, self.where(other, "o"))
        if roll < 0.79:
            return "DELETE FROM %s USING %s AS o WHERE %s.k = o.k AND %s" % (table.name, other.name, table.name, self.where(other, "o"))
        if roll < 0.83 and table.key:
            row = ", ".join(self.row(table, fresh=True))
            return "MERGE INTO %s USING (SELECT DISTINCT k FROM %s) AS o ON %s.id = o.k WHEN MATCHED AND o.k %% 2 = 0 THEN DELETE " \
                "WHEN MATCHED THEN UPDATE SET k = %d WHEN NOT MATCHED AND o.k = %d THEN INSERT (%s) VALUES (%s)" % (
                    table.name, other.name, table.name, r.randint(0, 6), r.randint(0, 6), names, row)
        if roll < 0.87:
            return "WITH d AS (DELETE FROM %s WHERE %s RETURNING k) UPDATE %s SET k = 2 WHERE k IN (SELECT k FROM d)" % (
                table.name, self.where(table), other.name) if other is not table else "DELETE FROM %s WHERE k = 1" % table.name
        if roll < 0.90:
            return "INSERT INTO %s (%s) SELECT %s FROM %s LIMIT 4" % (
                table.name, names, ", ".join("id + %d" % r.randint(100, 100000) if c == "id" and table.key else c for c, _ in table.columns), table.name)
        if roll < 0.92:
            inner = self.insert_values(table, 2)
            return "DO $do$ BEGIN %s; BEGIN %s; %s RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; END $do$" % (
                "DELETE FROM %s WHERE k = %d" % (other.name, r.randint(0, 6)), inner,
                "PERFORM count(*) FROM %s;" % r.choice(self.view_names) if self.view_names and self.chance(0.5) else "")
        if roll < 0.94:
            return "TRUNCATE %s" % table.name
        return "UPDATE %s SET k = k WHERE %s" % (table.name, self.where(table))

    def transaction(self):
        r = self.random
        if self.chance(0.25):
            return [self.statement()]
        level = r.choices(("", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE"), (8, 1, 1))[0]
        statements = ["BEGIN" + level]
        # With no memory for deltas, everything takes the way over temporary files.
        if self.chance(0.3):
            statements.append("SET LOCAL dbsp_ivm.delta_mem = 0")
        savepoints = []
        for _ in range(r.choice((1, 2, 3, 4, 6, 9))):
            roll = r.random()
            if roll < 0.10:
                savepoints.append("s%d" % len(savepoints))
                statements.append("SAVEPOINT " + savepoints[-1])
            elif roll < 0.18 and savepoints:
                at = r.randrange(len(savepoints))
                statements.append("ROLLBACK TO " + savepoints[at])
                savepoints = savepoints[:at + 1]
            elif roll < 0.21 and savepoints:
                at = r.randrange(len(savepoints))
                statements.append("RELEASE " + savepoints[at])
                savepoints = savepoints[:at]
            elif roll < 0.36 and self.view_names:
                statements.append("-- read " + r.choice(self.view_names))
            else:
                statements.append(self.statement())
        statements.append("COMMIT" if self.chance(0.92) else "ROLLBACK")
        return statements

    # ---- everything ----

    def case(self, title, views, transactions):
        case = Case(title)
        case.setup = self.create_tables()
        for number in range(self.random.randint(0, 2)):
            self.loose = False
            sql, columns = self.query(1)
            name = "p%d" % number
            case.setup.append("CREATE VIEW %s AS %s" % (name, sql))
            self.plain_views.append((name, columns, self.loose))
        queries = []
        for _ in range(views):
            self.loose = False
            sql, _ = self.query(self.random.choice((0, 1, 1, 2, 2, 3)))
            queries.append((sql, self.loose))
        while self.chance(0.4):
            queries += [(sql, False) for sql in self.family(self.random.randint(2, 6))]
        for number, (sql, loose) in enumerate(queries):
            case.views.append(View("v%d" % number, sql, loose))
            self.view_names.append("v%d" % number)
            self.queries["v%d" % number] = sql
        for _ in range(transactions):
            case.transactions.append(self.transaction())
        return case
