# Builds and installs the extension with PostgreSQL's extension makefiles (PGXS).
# Called by Makefile, which holds the targets a developer types; `make help` lists them.

.DEFAULT_GOAL = all
include extension/wire/protobuf.mk

EXTENSION = quorate
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)
MODULE_big = quorate

# Flags that make the code be another release, for the tests of upgrades (core/version.h).
RELEASE_CPPFLAGS ?=

# Every folder of the extension; a new file in one of them is picked up without an edit here.
FOLDERS = core item capacity routing wire log replication shmem storage catalog request worker sqlapi

SOURCES = $(wildcard extension/*.c $(FOLDERS:%=extension/%/*.c)) $(PB_SOURCES)
OBJS = $(patsubst %.c,%.o,$(sort $(SOURCES)))

# The install script is the concatenation of extension/sql in the order of the file names, with the version put in.
SQL_PARTS = $(sort $(wildcard extension/sql/*.sql))
DATA_built = extension/quorate--$(EXTVERSION).sql

EXTRA_CLEAN = $(PB).c $(PB).h $(OBJS:.o=.d)

PG_CPPFLAGS = -Iextension -I$(libpq_srcdir) -MMD -MP -DQUORATE_RELEASE='"$(EXTVERSION)"' $(RELEASE_CPPFLAGS)
# PostgreSQL asks for C89 declarations; the folders shared with the plain C library are C11.
PG_CFLAGS = -Wall -Werror -Wno-declaration-after-statement $(COPT_EXTENSION)
SHLIB_LINK = -lpq -lprotobuf-c -lcrypto

# No bitcode: it needs clang, and inlining into queries would gain nothing here.
override with_llvm = no

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The directory is a prerequisite so that adding or removing a part rebuilds the script.
$(DATA_built): $(SQL_PARTS) extension/sql
	sed 's/@RELEASE@/$(EXTVERSION)/' $(SQL_PARTS) > $@.new
	mv $@.new $@

$(PB).o: override CFLAGS += -w

$(OBJS): pgxs.mk $(EXTENSION).control | $(PB_SOURCES)

-include $(OBJS:.o=.d)
