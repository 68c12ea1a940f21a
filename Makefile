# dbsp_ivm: incremental views for PostgreSQL
#
#   make, make install        build against, install into, the PostgreSQL of PG_CONFIG
#   make installcheck         the tests that any running server can take
#   make check                every test, in a private server that is removed afterwards
#   make demo                 a guided tour under load, in a private server too
#   make help                 everything else

PG_CONFIG ?= pg_config

# ---------------------------------------------------------------------------
# Goals that are scripts.  They need no PGXS, so they work on a machine where
# PostgreSQL is still to be installed, and `check` means ours, not PGXS's.
# ---------------------------------------------------------------------------
house_goals = check check-all check-regress check-isolation check-unit check-model check-tap check-fuzz check-calls check-corpus check-assert check-discard check-valgrind \
	bench demo lint indent coverage help

ifneq (,$(filter $(house_goals),$(MAKECMDGOALS)))

export PG_CONFIG DBSP_DEBUG PARTS ONLY SEED N BENCH RUNS SECONDS_PER_RUN ROWS BENCH_LONG BENCH_LOCK BENCH_WAIT BENCH_PIN
H = test/harness

.PHONY: $(house_goals)
.NOTPARALLEL:

check:
	@$(H)/check.sh
check-all: check
	@$(H)/check.sh all
check-regress:
	@$(H)/check.sh regress
check-isolation:
	@$(H)/check.sh isolation
check-unit:
	@$(H)/check.sh unit
check-model:
	@$(H)/check.sh model
check-tap:
	@$(H)/check.sh tap
check-corpus:
	@$(H)/check.sh corpus
# SEED=<integer> chooses the run, N=<integer> the number of random schemas.
check-fuzz:
	@$(H)/check.sh fuzz
# SEED=<integer> chooses the run, N=<integer> the number of calls.
check-calls:
	@$(H)/check.sh calls
# On a PostgreSQL that checks itself, built from source and kept.  PARTS="regress tap" chooses parts,
# ONLY="join group_by" the regress scripts of the last two.
check-assert:
	@$(H)/debug_server.sh assert $(PARTS)
check-discard:
	@$(H)/debug_server.sh discard $(PARTS)
check-valgrind:
	@$(H)/debug_server.sh valgrind $(PARTS)
bench:
	@test/bench/bench.sh
demo:
	@test/demo/demo.sh
lint:
	@test/lint/lint.sh
indent:
	@test/lint/indent.sh --write
coverage:
	@$(H)/coverage.sh
help:
	@sed -n 's/^#   //p' Makefile
	@echo "make check-{regress,isolation,unit,model,tap,corpus}   one part of make check"
	@echo "make check-fuzz SEED= N=  the differential fuzzer"
	@echo "make check-calls SEED= N= every function with wrong arguments"
	@echo "make check-all            make check, then the long runs"
	@echo "make check-assert         the tests on a PostgreSQL with assertions, built from source"
	@echo "make check-discard        some of them there, with caches emptied all the time"
	@echo "make check-valgrind       unit tests and some others under valgrind"
	@echo "make bench                speed against no view and a PL/pgSQL trigger"
	@echo "make lint, make indent    rules of the house; format the sources"
	@echo "make coverage             branch coverage of the tests"
	@echo "variables: PG_CONFIG=path, DBSP_DEBUG=1 (assertions and wait points)"

# Other goals on the same command line, as in `make clean check`.
other_goals = $(filter-out $(house_goals),$(MAKECMDGOALS))
ifneq (,$(other_goals))
.PHONY: $(other_goals)
$(other_goals):
	+@$(MAKE) --no-print-directory $@
endif

else

# ---------------------------------------------------------------------------
# The extension, by PGXS.
# ---------------------------------------------------------------------------
MODULE_big = dbsp_ivm
EXTENSION = dbsp_ivm
DATA = $(sort $(wildcard sql/dbsp_ivm--*.sql))
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))

PG_CPPFLAGS += -I$(srcdir)/src
# -MMD -MP: PGXS does not track headers in most packages of PostgreSQL.
PG_CFLAGS += -Wall -Wextra -Wshadow -Wold-style-definition -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement -MMD -MP
# WERROR= builds with a compiler that knows more warnings than ours.
WERROR ?= -Werror
PG_CFLAGS += $(WERROR)
# Our own functions are bound at link time: the first write of a session, which loads the module, need not look them up.
PG_CFLAGS += -fno-semantic-interposition
SHLIB_LINK += -Wl,--version-script=$(srcdir)/src/exports.map
ifeq ($(DBSP_DEBUG),1)
PG_CFLAGS += -DDBSP_DEBUG -DUSE_ASSERT_CHECKING
endif
ifeq ($(DBSP_COVERAGE),1)
PG_CFLAGS += --coverage -O0
SHLIB_LINK += --coverage
endif

# Bitcode needs clang at build time and gains nothing here.
override with_llvm = no

# init creates what the others use, extension drops it: first and last.
configured = $(shell $(PG_CONFIG) --configure)
REGRESS_EXCEPT = $(if $(findstring --with-icu,$(configured)),,collation) $(if $(findstring --with-libxml,$(configured)),,xml)
REGRESS = init $(filter-out init extension $(REGRESS_EXCEPT),$(sort $(patsubst sql/%.sql,%,$(filter-out \
	sql/dbsp_ivm--%,$(wildcard sql/*.sql))))) extension
REGRESS_OPTS = --inputdir=.
# prepared needs max_prepared_transactions, which a running server need not have: `make check` adds it.
ISOLATION = $(filter-out $(ISOLATION_EXCEPT),$(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec))))
ISOLATION_EXCEPT ?= prepared
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=dbsp_ivm

EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc) $(OBJS:.o=.gcda) $(OBJS:.o=.gcno) output_iso tmp_check tmp_check_iso log \
	results regression.diffs regression.out test/bench/results.jsonl \
	$(wildcard test/unit/*.o test/unit/*.d test/unit/*.so) coverage

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq (,$(PGXS))
$(error $(PG_CONFIG) not found: install postgresql-server-dev-15 (`make check` and `make demo` do it by themselves) or set PG_CONFIG)
endif
include $(PGXS)

-include $(OBJS:.o=.d)

endif
