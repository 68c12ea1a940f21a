-- Events, written once.
CREATE TABLE event (id bigserial PRIMARY KEY, kind int NOT NULL, value int NOT NULL);
INSERT INTO event (kind, value) SELECT i % 10, i % 1000 FROM generate_series(1, :rows) i;
